import { AppError } from '../../errors'
import { decodeUtf8 } from './body'
import { refuseExcess } from './scan'

/**
 * The text of a body and its value. Throws 400 for bytes that are no JSON, or nested absurdly deep, and 422 for more than
 * may be parsed. `freeForm` names fields with a limit of their own.
 */
export function parseJson(bytes: Uint8Array, freeForm: ReadonlySet<string>): { text: string; body: unknown } {
  refuseExcess(bytes, freeForm)
  const text = decodeUtf8(bytes)
  try {
    return { text, body: JSON.parse(text) }
  } catch {
    throw new AppError('malformed_json', 'The body is not valid JSON.')
  }
}
