import { AppError, type FieldError, invalid } from '../../errors'
import { refuseEncoded } from './body'
import { type BodyReader, createBodyReader } from './body-reader'
import type { FileUpload } from './operation'

/** The file as it arrives. Reading `content` to its end checks the whole body: it throws 413 or 422. */
export type UploadedFile = { filename: string; content: AsyncIterable<Uint8Array> }

/** Bytes for everything in the body that is not the file: boundaries, headers, an epilogue. */
const OVERHEAD = 64 * 1024
const MAX_HEADERS = 8 * 1024
const MAX_FILENAME = 200
const LINE = '\r\n'

/**
 * Reads a multipart/form-data body (RFC 7578) up to its one file. The rest is read with `content`, piece by piece, to
 * use little memory. Throws 413, 415 or 422.
 */
export async function openUpload(
  request: Request,
  { field, maxBytes }: FileUpload,
  end?: AbortSignal,
): Promise<UploadedFile> {
  const boundary = boundaryOf(request.headers.get('content-type') ?? '')
  refuseEncoded(request)
  const tooLarge = () => fileTooLarge(maxBytes)
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes + OVERHEAD) throw tooLarge()
  const body = createBodyReader(request.body, { field, maxBytes: maxBytes + OVERHEAD, tooLarge }, end)
  const first = await body.take(boundary.length + 4)
  if (first === `--${boundary}--`) throw invalid(field, 'is missing')
  if (first !== `--${boundary}${LINE}`) throw malformed('must begin with the boundary that its Content-Type names')
  const { name, filename } = await readHeaders(body, field)
  if (name !== field) throw invalid(name.slice(0, 100), 'unknown field')
  if (!filename) throw invalid(field, 'must be a file with a name')
  return { filename, content: contentOf(body, { field, boundary, maxBytes }) }
}

type FilePart = Omit<FileUpload, 'schema'> & { boundary: string }

async function* contentOf(body: BodyReader, { field, boundary, maxBytes }: FilePart) {
  let size = 0
  for await (const piece of body.until(`${LINE}--${boundary}`)) {
    size += piece.length
    if (size > maxBytes) throw fileTooLarge(maxBytes)
    yield piece
  }
  if (size === 0) throw invalid(field, 'must not be empty')
  if ((await body.take(2)) !== '--') {
    const { name } = await readHeaders(body, field)
    throw name === field ? invalid(field, 'must be one file') : invalid(name.slice(0, 100), 'unknown field')
  }
  await body.drain()
}

const fileTooLarge = (maxBytes: number) =>
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

async function readHeaders(body: BodyReader, field: string): Promise<{ name: string; filename: string | undefined }> {
  const bytes = new Uint8Array(MAX_HEADERS)
  let length = 0
  for await (const piece of body.until(LINE + LINE)) {
    if (length + piece.length > MAX_HEADERS) throw invalid(field, 'has headers that are too long')
    bytes.set(piece, length)
    length += piece.length
  }
  const text = decode(bytes.subarray(0, length), field)
  const disposition = /(?:^|\r\n)content-disposition:\s*form-data\s*(;[^\r\n]*)/i.exec(text)?.[1] ?? ''
  const name = parameter(disposition, 'name')
  if (name === undefined) throw malformed('has a part without a name')
  const filename = parameter(disposition, 'filename')
  return { name, filename: filename === undefined ? undefined : tidy(filename) }
}

/** A bare word, or quoted: browsers write `"` and line breaks like `%22`, other programs like `\"`. */
function parameter(disposition: string, name: string): string | undefined {
  const [, quoted, word] = new RegExp(`;\\s*${name}=(?:"((?:\\\\"|[^"])*)"|([^\\s;"]+))`, 'i').exec(disposition) ?? []
  return quoted === undefined
    ? word
    : quoted.replaceAll(/%(22|0D|0A)|\\(["\\])/gi, (_, code, escaped) =>
        code ? String.fromCharCode(Number.parseInt(code, 16)) : escaped,
      )
}

/** Removes folders and invisible characters, which can make a name look like another. NFC, since Macs send NFD. */
const tidy = (filename: string) =>
  [...(filename.normalize('NFC').split(/[/\\]/).at(-1) ?? '').replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '').trim()]
    .slice(0, MAX_FILENAME)
    .join('')

function decode(bytes: Uint8Array, field: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw invalid(field, 'has headers that are not UTF-8')
  }
}
