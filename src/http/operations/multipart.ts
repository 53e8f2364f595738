import { AppError, type FieldError, invalid } from '../../errors'
import type { Upload } from './operation'

/** The file as it arrives. `content` ends only once the whole body was as it should be; else it throws 413 or 422. */
export type UploadedFile = { filename: string; content: AsyncIterable<Uint8Array> }

/** For everything in the body that is not the file: boundaries, headers, an epilogue. */
const OVERHEAD = 64 * 1024
const MAX_HEADERS = 8 * 1024
const MAX_FILENAME = 200
const LINE = '\r\n'

/**
 * Reads a multipart/form-data body (RFC 7578) up to its one file; the rest is read as `content` is, so that no more than a
 * piece of it is ever held. Throws 413, 415 or 422.
 */
export async function openUpload(request: Request, { field, maxBytes }: Upload): Promise<UploadedFile> {
  const boundary = boundaryOf(request.headers.get('content-type') ?? '')
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes + OVERHEAD) throw tooLarge(maxBytes)
  const body = createReader(request.body, field, maxBytes)
  const first = await body.take(boundary.length + 4)
  if (first === `--${boundary}--`) throw invalid(field, 'is missing')
  if (first !== `--${boundary}${LINE}`) throw malformed('must begin with the boundary that its Content-Type names')
  const { name, filename } = await readHeaders(body, field)
  if (name !== field) throw invalid(name.slice(0, 100), 'is not known here')
  if (!filename) throw invalid(field, 'must be a file with a name')
  return { filename, content: contentOf(body, { field, boundary, maxBytes }) }
}

type Reader = ReturnType<typeof createReader>

async function* contentOf(body: Reader, { field, boundary, maxBytes }: Omit<Upload, 'schema'> & { boundary: string }) {
  let size = 0
  for await (const piece of body.until(`${LINE}--${boundary}`)) {
    size += piece.length
    if (size > maxBytes) throw tooLarge(maxBytes)
    yield piece
  }
  if (size === 0) throw invalid(field, 'must not be empty')
  if ((await body.take(2)) !== '--') {
    const { name } = await readHeaders(body, field)
    throw name === field ? invalid(field, 'must be one file') : invalid(name.slice(0, 100), 'is not known here')
  }
  await body.drain()
}

const tooLarge = (maxBytes: number) =>
  new AppError('too_large', `The file is larger than ${maxBytes / 1024 / 1024} MiB.`)

const malformed = (message: string) =>
  new AppError('validation_failed', `body: ${message}`, { errors: [{ path: '', message }] satisfies FieldError[] })

/** RFC 2046: 1 to 70 characters, not ending with a blank. */
function boundaryOf(contentType: string): string {
  const [, quoted, plain] =
    /^multipart\/form-data\s*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined || !/^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary))
    throw new AppError('unsupported_media_type', 'Send the body as multipart/form-data with a boundary.')
  return boundary
}

async function readHeaders(body: Reader, field: string): Promise<{ name: string; filename: string | undefined }> {
  let bytes = new Uint8Array()
  for await (const piece of body.until(LINE + LINE)) {
    bytes = concat(bytes, piece)
    if (bytes.length > MAX_HEADERS) throw invalid(field, 'has headers that are too long')
  }
  const text = decode(bytes, field)
  const disposition = /(?:^|\r\n)content-disposition:\s*form-data\s*(;[^\r\n]*)/i.exec(text)?.[1] ?? ''
  const name = parameter(disposition, 'name')
  if (name === undefined) throw malformed('has a part without a name')
  const filename = parameter(disposition, 'filename')
  return { name, filename: filename === undefined ? undefined : tidy(filename) }
}

/** Quoted, with `"` and line breaks as browsers (`%22`) or other programs (`\"`) write them, or a bare word. */
function parameter(disposition: string, name: string): string | undefined {
  const [, quoted, word] = new RegExp(`;\\s*${name}=(?:"((?:\\\\"|[^"])*)"|([^\\s;"]+))`, 'i').exec(disposition) ?? []
  return quoted === undefined
    ? word
    : quoted.replaceAll(/%(22|0D|0A)|\\(["\\])/gi, (_, code, escaped) =>
        code ? String.fromCharCode(Number.parseInt(code, 16)) : escaped,
      )
}

/** Without folders and without characters that are not seen, which can make a name look like another. */
const tidy = (filename: string) =>
  [...(filename.split(/[/\\]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()]
    .slice(0, MAX_FILENAME)
    .join('')

function decode(bytes: Uint8Array, field: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(field, 'has headers that are not UTF-8')
  }
}

/** Over the bytes of a body; throws 413 past the most that it may have, 422 when it ends before what is looked for. */
function createReader(stream: ReadableStream<Uint8Array> | null, field: string, maxBytes: number) {
  const source = stream?.getReader()
  let buffer: Uint8Array = new Uint8Array()
  let total = 0

  /** False at the end. */
  async function fill(): Promise<boolean> {
    const next = await source?.read().catch((error: unknown) => {
      throw new AppError('validation_failed', 'body: broke off', {}, {}, { cause: error })
    })
    if (!next?.value) return false
    total += next.value.length
    if (total > maxBytes + OVERHEAD) throw tooLarge(maxBytes)
    buffer = buffer.length === 0 ? next.value : concat(buffer, next.value)
    return true
  }

  async function need(more: () => boolean): Promise<void> {
    while (more()) if (!(await fill())) throw invalid(field, 'is not complete: the body ends too early')
  }

  return {
    /** As Latin-1, so that each byte is a character. */
    async take(length: number): Promise<string> {
      await need(() => buffer.length < length)
      const taken = buffer.subarray(0, length)
      buffer = buffer.subarray(length)
      return String.fromCharCode(...taken)
    },

    /** Everything up to the delimiter, in pieces; the delimiter is passed over. */
    async *until(delimiter: string): AsyncGenerator<Uint8Array> {
      const wanted = new TextEncoder().encode(delimiter)
      while (true) {
        await need(() => buffer.length < wanted.length)
        const found = indexOf(buffer, wanted)
        const end = found === -1 ? buffer.length - wanted.length + 1 : found
        const piece = buffer.subarray(0, end)
        buffer = buffer.subarray(found === -1 ? end : found + wanted.length)
        if (piece.length > 0) yield piece
        if (found !== -1) return
      }
    },

    async drain(): Promise<void> {
      while (await fill()) buffer = new Uint8Array()
    },
  }
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(wanted[0]!); at !== -1; at = bytes.indexOf(wanted[0]!, at + 1))
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at
  return -1
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
