import { AppError, invalid } from '../../errors'

export const FILE_TYPES = ['application/pdf', 'image/png', 'image/jpeg'] as const
export type FileType = (typeof FILE_TYPES)[number]

/** How files of a type begin and end, one character per byte (latin1); `suffixes` of file names, the usual one first. */
type Signature = { begins: string[]; isWhole: (tail: string) => boolean; suffixes: string[] }

const SIGNATURES: Record<FileType, Signature> = {
  'application/pdf': {
    begins: ['%PDF-1.', '%PDF-2.'],
    // PDF readers search the last 1,024 bytes for it too.
    isWhole: (tail) => tail.includes('%%EOF'),
    suffixes: ['.pdf'],
  },
  'image/png': {
    begins: ['\x89PNG\r\n\x1a\n\0\0\0\rIHDR'],
    isWhole: (tail) => tail.endsWith('\0\0\0\0IEND\xaeB`\x82'),
    suffixes: ['.png'],
  },
  'image/jpeg': {
    begins: ['\xff\xd8\xff'],
    // Some cameras pad the file with zeros.
    isWhole: (tail) => tail.slice(0, paddingStart(tail)).endsWith('\xff\xd9'),
    suffixes: ['.jpg', '.jpeg', '.jfif'],
  },
}

function paddingStart(tail: string): number {
  let end = tail.length
  while (end > 0 && tail[end - 1] === '\0') end--
  return end
}

const HEAD = 16
const TAIL = 1024

/**
 * Streams a file through and detects its type from its first bytes, before any byte is passed on. `type()` may be called
 * once the stream has ended. The stream throws 415 for a type that is not accepted, 422 for a file that is cut off.
 */
export function inspectFile(content: AsyncIterable<Uint8Array>) {
  let type: FileType | undefined

  async function* inspected(): AsyncGenerator<Uint8Array> {
    let head = ''
    let tail = ''
    let unread: Uint8Array[] = []
    for await (const piece of content) {
      head += latin1(piece.subarray(0, HEAD))
      tail = (tail + latin1(piece.subarray(-TAIL))).slice(-TAIL)
      unread.push(piece)
      if (type === undefined && head.length < HEAD) continue
      type ??= recognise(head)
      yield* unread
      unread = []
    }
    type ??= recognise(head)
    yield* unread
    if (!SIGNATURES[type].isWhole(tail))
      throw invalid('file', `is incomplete: it does not end like a file of type ${type}`)
  }

  return {
    content: inspected(),
    type: (): FileType => {
      if (!type) throw new Error('the file has not been read')
      return type
    },
  }
}

function recognise(head: string): FileType {
  const type = FILE_TYPES.find((known) => SIGNATURES[known].begins.some((beginning) => head.startsWith(beginning)))
  if (!type) throw new AppError('unsupported_media_type', 'The content of the file must be PDF, PNG or JPEG.')
  return type
}

const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes)

/** The name with a suffix of its detected type, so that no program opens the downloaded file as another type. */
export function withSuffix(filename: string, type: FileType): string {
  const { suffixes } = SIGNATURES[type]
  return suffixes.some((suffix) => filename.toLowerCase().endsWith(suffix)) ? filename : `${filename}${suffixes[0]}`
}
