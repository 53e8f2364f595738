import { AppError } from '../../errors'
import { decodeUtf8 } from './body'
import { MAX_FREE_FORM_MEMBERS, MAX_MEMBERS, TOO_MANY } from './storable'

/** A parser of deeper texts runs out of stack, which costs it many times the rest of its work. */
const MAX_TEXT_DEPTH = 2_000

/**
 * The text of a body and its value. Throws 400 for bytes that are no JSON, or nested absurdly deep, and 422 for too many
 * members. Both are counted in the bytes: to parse and walk them first would cost far more than to refuse them.
 */
export function parseJson(bytes: Uint8Array, freeFormFields: number): { text: string; body: unknown } {
  refuseExcess(bytes, MAX_MEMBERS + freeFormFields * MAX_FREE_FORM_MEMBERS)
  const text = decodeUtf8(bytes)
  try {
    return { text, body: JSON.parse(text) }
  } catch {
    throw new AppError('malformed_json', 'The body is not valid JSON.')
  }
}

const [QUOTE, COMMA, BACKSLASH] = [34, 44, 92]
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [91, 93, 123, 125]
const LAST_BLANK = 32
/** Bytes of a field's name that an error quotes. */
const MAX_NAME = 100

/** `field`: the text of the body's own field that has too many members, in its quotes; empty if it is the body itself. */
function tooMany(field: Uint8Array): AppError {
  const path = field.length > 0 && field.length <= MAX_NAME ? decodeUtf8(field.subarray(1, -1)) : ''
  const message = TOO_MANY
  return new AppError('validation_failed', `${path || 'body'}: ${message}`, { errors: [{ path, message }] })
}

/** Never counts more members than there are: one per comma, and one per list or object that is not empty. */
function refuseExcess(bytes: Uint8Array, maxMembers: number): void {
  let depth = 0
  let members = 0
  let opened = false
  let field = bytes.subarray(0, 0)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!
    if (byte <= LAST_BLANK) continue
    const closes = byte === CLOSE_LIST || byte === CLOSE_OBJECT
    if (byte === COMMA || (opened && !closes)) members++
    opened = byte === OPEN_LIST || byte === OPEN_OBJECT
    if (byte === QUOTE) {
      const end = endOfText(bytes, i)
      if (depth === 1) field = bytes.subarray(i, end + 1)
      i = end
    } else if (closes) depth--
    else if (opened && ++depth > MAX_TEXT_DEPTH) throw new AppError('malformed_json', 'The body is nested too deeply.')
    if (members > maxMembers) throw tooMany(depth > 1 ? field : bytes.subarray(0, 0))
  }
}

function endOfText(bytes: Uint8Array, start: number): number {
  let i = start + 1
  while (i < bytes.length && bytes[i] !== QUOTE) i += bytes[i] === BACKSLASH ? 2 : 1
  return i
}
