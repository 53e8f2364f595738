import { AppError, invalid } from '../../errors'
import { createJpegEndFinder, createSequenceFinder, type EndFinder } from './file-end'

export const FILE_TYPES = ['application/pdf', 'image/png', 'image/jpeg'] as const
export type FileType = (typeof FILE_TYPES)[number]

/**
 * How files of a type begin, and how their format ends, one character per byte (latin1); `suffixes` of file names, the usual
 * one first. Phones and programs append data of their own after the end, such as a film: that is outside the format.
 */
type Signature = { begins: string[]; endFinder: () => EndFinder; suffixes: string[] }

const SIGNATURES: Record<FileType, Signature> = {
  'application/pdf': {
    begins: ['%PDF-1.', '%PDF-2.'],
    endFinder: () => createSequenceFinder('%%EOF'),
    suffixes: ['.pdf'],
  },
  'image/png': {
    begins: ['\x89PNG\r\n\x1a\n\0\0\0\rIHDR'],
    endFinder: () => createSequenceFinder('\0\0\0\0IEND\xaeB`\x82'),
    suffixes: ['.png'],
  },
  'image/jpeg': {
    begins: ['\xff\xd8\xff'],
    endFinder: createJpegEndFinder,
    suffixes: ['.jpg', '.jpeg', '.jfif'],
  },
}

const HEAD = 16

/**
 * Streams a file through and detects its type from its first bytes, before any byte is passed on. `type()` may be called
 * once the stream has ended. The stream throws 415 for a type that is not accepted, 422 for a file that is cut off.
 */
export function inspectFile(content: AsyncIterable<Uint8Array>) {
  let type: FileType | undefined

  async function* inspected(): AsyncGenerator<Uint8Array> {
    let head = ''
    let end: EndFinder | undefined
    let unread: Uint8Array[] = []
    for await (const piece of content) {
      head += latin1(piece.subarray(0, HEAD))
      unread.push(piece)
      if (type === undefined && head.length < HEAD) continue
      type ??= recognise(head)
      end ??= SIGNATURES[type].endFinder()
      unread.forEach(end.push)
      yield* unread
      unread = []
    }
    type ??= recognise(head)
    end ??= SIGNATURES[type].endFinder()
    unread.forEach(end.push)
    yield* unread
    if (!end.found()) throw invalid('file', `is incomplete: it has no end of a file of type ${type}`)
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
