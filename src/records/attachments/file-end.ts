/** Reads a file piece by piece and says whether the end of its format was among the bytes so far. */
export type EndFinder = { push(piece: Uint8Array): void; found(): boolean }

/** Finds the bytes of `end` (latin1) anywhere, also across pieces. */
export function createSequenceFinder(end: string): EndFinder {
  const sought = Uint8Array.from(end, (char) => char.charCodeAt(0))
  let found = false
  let kept = new Uint8Array()
  const isAt = (bytes: Uint8Array, at: number) => sought.every((byte, i) => bytes[at + i] === byte)
  return {
    push(piece) {
      if (found) return
      const bytes = new Uint8Array(kept.length + piece.length)
      bytes.set(kept)
      bytes.set(piece, kept.length)
      for (let at = bytes.indexOf(sought[0]!); at !== -1 && !found; at = bytes.indexOf(sought[0]!, at + 1))
        found = isAt(bytes, at)
      kept = bytes.slice(Math.max(0, bytes.length - sought.length + 1))
    },
    found: () => found,
  }
}

const END = 0xd9
const SCAN = 0xda
/** Markers without a segment: TEM, RST0 to RST7, SOI. */
const standsAlone = (marker: number) => marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8)

/**
 * Finds the end of image (EOI) of a JPEG. Segments are skipped by their length (ITU T.81, B.1.1.4), since the thumbnail in one
 * has an end of its own. Where no scan begins, any EOI counts.
 */
export function createJpegEndFinder(): EndFinder {
  const anywhere = createSequenceFinder('\xff\xd9')
  let state: 'data' | 'marker' | 'length' | 'length2' | 'segment' = 'data'
  let left = 0
  let scanned = false
  let ended = false

  function read(byte: number): void {
    if (state === 'data') state = byte === 0xff ? 'marker' : 'data'
    else if (state === 'marker') {
      if (byte === 0xff) return
      ended = byte === END
      scanned ||= byte === SCAN
      state = byte === 0 || ended || standsAlone(byte) ? 'data' : 'length'
    } else if (state === 'length') {
      left = byte * 256
      state = 'length2'
    } else {
      left = Math.max(0, left + byte - 2)
      state = left > 0 ? 'segment' : 'data'
    }
  }

  return {
    push(piece) {
      if (!scanned) anywhere.push(piece)
      for (let at = 0; at < piece.length && !ended; ) {
        if (state === 'segment') {
          const skipped = Math.min(left, piece.length - at)
          at += skipped
          left -= skipped
          if (left === 0) state = 'data'
        } else if (state === 'data' && piece[at] !== 0xff) {
          const next = piece.indexOf(0xff, at)
          if (next === -1) return
          at = next
        } else read(piece[at++]!)
      }
    },
    found: () => ended || (!scanned && anywhere.found()),
  }
}
