import { AppError } from '../../errors'
import { piecesOf } from '../body'

const KIB = 1024
/** The largest body of an operation that declares no other limit. */
export const DEFAULT_BODY_BYTES = 64 * KIB

/** The whole body of a request. Throws 400 if it is cut off, 413 if it is too large, 415 if it is compressed. */
export async function readBody(
  request: Request,
  maxBytes: number,
  end?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!request.body) return new Uint8Array()
  refuseEncoded(request)
  refuseLong(request, maxBytes)
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let size = 0
  for await (const chunk of receivedFrom(request.body, end)) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge(maxBytes)
    chunks.push(chunk as Uint8Array<ArrayBuffer>)
  }
  return joined(chunks, size)
}

/** Throws 415 for a compressed body: this API decodes none (RFC 9110, 15.5.16). */
export function refuseEncoded({ headers }: Request): void {
  const encoding = headers.get('content-encoding')?.trim().toLowerCase() ?? ''
  if (encoding === '' || encoding === 'identity') return
  throw new AppError(
    'unsupported_media_type',
    'Send the body without Content-Encoding.',
    {},
    {
      'Accept-Encoding': 'identity',
    },
  )
}

/** Throws 413 as soon as the headers say that the body is too large. */
export function refuseLong({ headers }: Request, maxBytes: number): void {
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes)
}

/** The pieces of a body. Only the client or its network can end them early, so that is a 400 and no failure of ours. */
export async function* receivedFrom(
  body: ReadableStream<Uint8Array>,
  end: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const pieces = piecesOf(body, end)
  for (;;) {
    const next = await pieces.next().catch((cause: unknown) => {
      if (cause instanceof AppError) throw cause
      throw new AppError('malformed_json', 'The body was cut off.', {}, {}, { cause })
    })
    if (next.done) return
    yield next.value
  }
}

const tooLarge = (maxBytes: number) =>
  new AppError(
    'too_large',
    `The body is larger than ${maxBytes < KIB * KIB ? `${maxBytes / KIB} KiB` : `${maxBytes / KIB / KIB} MiB`}.`,
  )

function joined(chunks: Uint8Array<ArrayBuffer>[], size: number): Uint8Array<ArrayBuffer> {
  if (chunks.length === 1) return chunks[0]!
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}

/** Throws 400 for bytes that are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new AppError('malformed_json', 'The body is not UTF-8.')
  }
}
