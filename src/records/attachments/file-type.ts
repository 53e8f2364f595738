import { AppError, invalid } from '../../errors'

export const FILE_TYPES = ['application/pdf', 'image/png', 'image/jpeg'] as const
export type FileType = (typeof FILE_TYPES)[number]

/** How a file begins and how one that is whole ends, each byte a character; `suffixes` of names, the usual one first. */
type Signature = { begins: string[]; isWhole: (tail: string) => boolean; suffixes: string[] }

const SIGNATURES: Record<FileType, Signature> = {
  'application/pdf': {
    begins: ['%PDF-1.', '%PDF-2.'],
    // Readers look for it in this much of the end too.
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
    // Some cameras fill up with zeros.
    isWhole: (tail) => tail.slice(0, endOf(tail)).endsWith('\xff\xd9'),
    suffixes: ['.jpg', '.jpeg', '.jfif'],
  },
}

/** Where the zeros at the end begin. */
function endOf(tail: string): number {
  let end = tail.length
  while (end > 0 && tail[end - 1] === '\0') end--
  return end
}

const HEAD = 16
const TAIL = 1024

/**
 * Passes a file on while looking at how it begins and ends; nothing is passed on of one that is of no known type. `type()`
 * is known once all has been passed on. Throws 415 for another type, 422 for one that is not whole.
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
    if (!SIGNATURES[type].isWhole(tail)) throw invalid('file', `is not whole: it does not end as ${type} does`)
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
  if (!type) throw new AppError('unsupported_media_type', 'The file must be a PDF, PNG or JPEG by its content.')
  return type
}

const latin1 = (bytes: Uint8Array) => String.fromCharCode(...bytes)

/** The name with a suffix of its type, so that what saves the file takes it for nothing else. */
export function withSuffix(filename: string, type: FileType): string {
  const { suffixes } = SIGNATURES[type]
  return suffixes.some((suffix) => filename.toLowerCase().endsWith(suffix)) ? filename : `${filename}${suffixes[0]}`
}
