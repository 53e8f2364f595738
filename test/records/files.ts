const encoder = new TextEncoder()
const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

const join = (...parts: Uint8Array[]): Uint8Array<ArrayBuffer> => {
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Minimal files that pass as complete, with `middle` inside. */
export const pdf = (middle: Uint8Array | string = 'x') => join(bytes('%PDF-1.7\n'), toBytes(middle), bytes('\n%%EOF\n'))
export const png = (middle: Uint8Array | string = 'x') =>
  join(bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR'), toBytes(middle), bytes('\0\0\0\0IEND\xaeB`\x82'))
export const jpeg = (middle: Uint8Array | string = 'x') =>
  join(bytes('\xff\xd8\xff\xe0'), toBytes(middle), bytes('\xff\xd9'))

const toBytes = (content: Uint8Array | string) => (typeof content === 'string' ? encoder.encode(content) : content)

/** A PDF of exactly `size` bytes. */
export const pdfOf = (size: number) => pdf(new Uint8Array(size - pdf('').length))

export const BOUNDARY = 'boundary-7MA4YWxk'
export const MULTIPART = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }

type Part = { name?: string; filename?: string; type?: string; content: Uint8Array | string }

/** A multipart body as a browser sends it. */
export function form(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const encoded = parts.flatMap(({ name = 'file', filename, type = 'application/octet-stream', content }) => [
    encoder.encode(
      `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\nContent-Type: ${type}\r\n\r\n`,
    ),
    toBytes(content),
    encoder.encode('\r\n'),
  ])
  return join(...encoded, encoder.encode(`--${BOUNDARY}--\r\n`))
}

/** The bytes as a body of unknown length, in chunks of `size`; `beforeEnd` runs after the last chunk was read. */
export function streamOf(content: Uint8Array, size = 64 * 1024, beforeEnd = () => {}): ReadableStream<Uint8Array> {
  let at = 0
  return new ReadableStream(
    {
      pull(controller) {
        if (at < content.length) {
          controller.enqueue(content.slice(at, at + size))
          at += size
          return
        }
        beforeEnd()
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
}
