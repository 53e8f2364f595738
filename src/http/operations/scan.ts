import { AppError } from '../../errors'
import { decodeUtf8 } from './body'
import { MAX_FREE_FORM_BYTES, MAX_FREE_FORM_MEMBERS, MAX_MEMBERS, TOO_LARGE, TOO_MANY } from './storable'

/** A parser of deeper texts runs out of stack, which costs it many times the rest of its work. */
const MAX_TEXT_DEPTH = 2_000

const [LAST_BLANK, QUOTE, COMMA, COLON, BACKSLASH, UNICODE] = [32, 34, 44, 58, 92, 117]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125]
/** Bytes of a field's name that an error quotes. */
const MAX_NAME = 100
/** The length of an escape like `\u00e9`, and of one like `\n`. */
const [LONG_ESCAPE, SHORT_ESCAPE] = [6, 2]

/** Members and bytes so far; `field` is the free-form field that they belong to. */
type Count = { members: number; bytes: number; field?: string }

/**
 * Refuses a JSON text with too many members, or with a free-form field that is too large, before it is parsed: to parse and
 * walk it first would cost far more. Never counts more than there is: one member per comma and per list or object that is
 * not empty, one byte per escape and per number.
 */
export function refuseExcess(bytes: Uint8Array, freeForm: ReadonlySet<string>): void {
  const outside: Count = { members: 0, bytes: 0 }
  let count = outside
  let depth = 0
  let opened = false
  let isInNumber = false
  let [textStart, textEnd] = [0, 0]
  let own = bytes.subarray(0, 0)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte <= LAST_BLANK) continue
    const closes = byte === CLOSE_LIST || byte === CLOSE_OBJECT
    if (depth === 1 && (closes || byte === COMMA)) count = outside
    if (byte === COMMA || (opened && !closes)) count.members++
    opened = byte === OPEN_LIST || byte === OPEN_OBJECT
    const wasInNumber = isInNumber
    isInNumber = isOfNumber(byte)
    if (!isInNumber || !wasInNumber) count.bytes++
    if (byte === QUOTE) {
      textStart = i
      i = textEnd = skipText(bytes, i, count)
    } else if (closes) depth--
    else if (opened && ++depth > MAX_TEXT_DEPTH) throw new AppError('malformed_json', 'The body is nested too deeply.')
    else if (byte === COLON && depth === 1) {
      own = bytes.subarray(textStart, textEnd + 1)
      const field = nameIn(own, freeForm)
      if (field !== undefined) count = { members: 0, bytes: 0, field }
    }
    if (isTooMuch(count)) throw count.field === undefined ? tooMany(depth > 1 ? own : undefined) : tooLarge(count.field)
  }
}

const isTooMuch = ({ members, bytes, field }: Count): boolean =>
  field === undefined ? members > MAX_MEMBERS : members > MAX_FREE_FORM_MEMBERS || bytes > MAX_FREE_FORM_BYTES + 1

const tooLarge = (field: string) => refusal(field, TOO_LARGE)

/** `own`: the quoted name of the body's own field that has too many members; undefined if it is the body itself. */
const tooMany = (own: Uint8Array | undefined) =>
  refusal(own && own.length <= MAX_NAME ? decodeUtf8(own.subarray(1, -1)) : '', TOO_MANY)

const refusal = (path: string, message: string) =>
  new AppError('validation_failed', `${path || 'body'}: ${message}`, { errors: [{ path, message }] })

/** Digits, and the `+`, `-`, `.`, `E` and `e` of numbers. */
const isOfNumber = (byte: number) =>
  (byte >= 48 && byte <= 57) || byte === 46 || byte === 45 || byte === 43 || byte === 101 || byte === 69

/** The place of the quote that ends a text. */
function skipText(bytes: Uint8Array, start: number, count: Count): number {
  let saved = 0
  let i = start + 1
  while (i < bytes.length && bytes[i] !== QUOTE) {
    const length = bytes[i] !== BACKSLASH ? 1 : bytes[i + 1] === UNICODE ? LONG_ESCAPE : SHORT_ESCAPE
    saved += length - 1
    i += length
  }
  count.bytes += i - start - saved
  return i
}

/** The free-form field that a quoted name spells, perhaps with escapes. */
function nameIn(quoted: Uint8Array, freeForm: ReadonlySet<string>): string | undefined {
  for (const name of freeForm) {
    if (quoted.length < name.length + 2 || quoted.length > name.length * LONG_ESCAPE + 2) continue
    try {
      if (JSON.parse(new TextDecoder().decode(quoted)) === name) return name
    } catch {
      // The body is no JSON, as its parser will say.
    }
  }
  return undefined
}
