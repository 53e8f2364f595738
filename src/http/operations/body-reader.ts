import { AppError, invalid } from '../../errors'
import { piecesOf } from '../body'

/** Content is passed on in pieces of this size, so that a client that sends byte by byte costs little. */
const PIECE = 64 * 1024

export type BodyReader = ReturnType<typeof createBodyReader>

type Limits = { field: string; maxBytes: number; tooLarge: () => AppError }

/** A reader of the bytes of a body. It throws 413 if there are too many, and 422 if the body ends too early. */
export function createBodyReader(
  stream: ReadableStream<Uint8Array> | null,
  { field, maxBytes, tooLarge }: Limits,
  end?: AbortSignal,
) {
  const source = stream && piecesOf(stream, end)
  let buffer: Uint8Array = new Uint8Array()
  let total = 0

  /** Returns false at the end of the body. */
  async function fill(): Promise<boolean> {
    const next = await source?.next().catch((error: unknown) => {
      if (error instanceof AppError) throw error
      throw new AppError('validation_failed', 'body: it was cut off', {}, {}, { cause: error })
    })
    if (!next?.value) return false
    total += next.value.length
    if (total > maxBytes) throw tooLarge()
    buffer = buffer.length === 0 ? next.value : concat(buffer, next.value)
    return true
  }

  async function need(length: number): Promise<void> {
    while (buffer.length < length) if (!(await fill())) throw invalid(field, 'is not complete: the body ends too early')
  }

  return {
    /** The next bytes as Latin-1, so that each byte is a character. Only for a few bytes. */
    async take(length: number): Promise<string> {
      await need(length)
      const bytes = buffer.subarray(0, length)
      buffer = buffer.subarray(length)
      return String.fromCharCode(...bytes)
    },

    /** Everything up to the delimiter, in pieces. Skips the delimiter. */
    async *until(delimiter: string): AsyncGenerator<Uint8Array> {
      const sought = new TextEncoder().encode(delimiter)
      const shifts = shiftsOf(sought)
      let piece = new Uint8Array(PIECE)
      let filled = 0
      let found = false
      while (!found) {
        await need(sought.length)
        const at = scan(buffer, sought, shifts)
        found = at.found
        for (let from = 0; from < at.before; ) {
          const part = buffer.subarray(from, Math.min(at.before, from + PIECE - filled))
          piece.set(part, filled)
          filled += part.length
          from += part.length
          if (filled < PIECE) continue
          yield piece
          piece = new Uint8Array(PIECE)
          filled = 0
        }
        buffer = buffer.subarray(at.before + (found ? sought.length : 0))
      }
      if (filled > 0) yield piece.subarray(0, filled)
    },

    async drain(): Promise<void> {
      buffer = new Uint8Array()
      while (await fill()) buffer = new Uint8Array()
    },
  }
}

const CR = 13

/** How far the window of a search may move, by the last byte in it (Horspool). */
function shiftsOf(sought: Uint8Array): Uint8Array {
  const { length } = sought
  const shifts = new Uint8Array(256).fill(length)
  for (let i = 0; i < length - 1; i++) shifts[sought[i]!] = length - 1 - i
  return shifts
}

/**
 * Looks for a delimiter in one pass: it skips windows that cannot hold it, and compares the others (Knuth, Morris, Pratt). It
 * begins with a CR, and after a partial match no suffix but a CR can begin another match: that keeps the table of the
 * algorithm this small. `before`: bytes that are not part of it.
 */
function scan(bytes: Uint8Array, sought: Uint8Array, shifts: Uint8Array): { before: number; found: boolean } {
  const last = sought.length - 1
  let matched = 0
  for (let i = 0; i < bytes.length; i++) {
    if (matched === 0)
      while (i + last < bytes.length && bytes[i + last] !== sought[last]) i += shifts[bytes[i + last]!]!
    const byte = bytes[i]
    if (byte === sought[matched]) {
      if (++matched === sought.length) return { before: i + 1 - matched, found: true }
    } else matched = byte === CR ? 1 : 0
  }
  return { before: bytes.length - matched, found: false }
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length)
  joined.set(a)
  joined.set(b, a.length)
  return joined
}
