import type { z } from '@hono/zod-openapi'
import type { ErrorCode } from '../../errors'
import { STATUS, titleOf } from '../problem'
import { Problem } from '../schemas'

/** What an operation declares of its problems. */
export type ProblemSpec = {
  /** In addition to the problems that every operation of its kind has. */
  problems?: ErrorCode[]
  /** Replaces `Problem`, by status, where a problem has more members. */
  problemSchemas?: Record<number, z.ZodType>
  /** Those members in the example of a code: in the OpenAPI document a code has the members that its examples show. */
  problemExamples?: Partial<Record<ErrorCode, Record<string, unknown>>>
}

export const header = (description: string, example: string) => ({
  description,
  schema: { type: 'string' as const, maxLength: 500, example },
})

export const REQUEST_ID = header(
  'Identifies this request in our logs. A valid id that you send is kept.',
  '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
)
export const RATE_LIMIT = header(
  'Requests left (`r`) and seconds until reset (`t`) of the tightest limit (IETF draft RateLimit header).',
  '"default";r=297;t=54',
)

/** Answered with Retry-After: the same request may succeed later. */
const isTemporary = (code: ErrorCode) =>
  code === 'request_in_progress' || code === 'rate_limited' || code === 'unavailable'

/** The failures of an operation with these codes, by status. */
export function problemResponses(allCodes: ErrorCode[], spec: ProblemSpec) {
  const byStatus = Map.groupBy(allCodes, (code) => STATUS[code])
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: `${titleOf(codes[0]!)}: ${codes.map((code) => `\`${code}\``).join(', ')}`,
        headers: {
          'X-Request-Id': REQUEST_ID,
          ...(codes.some(isTemporary) && { 'Retry-After': header('Seconds to wait.', '2') }),
          ...(status === 429 && { RateLimit: RATE_LIMIT }),
          ...(status === 401 && { 'WWW-Authenticate': header('Always `Bearer`.', 'Bearer') }),
        },
        content: {
          'application/problem+json': {
            schema: spec.problemSchemas?.[status] ?? Problem,
            examples: Object.fromEntries(
              codes.map((code) => [code, { value: problemExample(code, spec.problemExamples?.[code] ?? USUAL[code]) }]),
            ),
          },
        },
      },
    ]),
  )
}

function problemExample(code: ErrorCode, more: Record<string, unknown> = {}) {
  const detail = DETAIL[code]
  const requestId = '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f'
  return { type: 'about:blank', title: titleOf(code), status: STATUS[code], detail, code, requestId, ...more }
}

/** Details as the API words them. */
const DETAIL: Record<ErrorCode, string> = {
  malformed_json: 'The body is not valid JSON.',
  invalid_signature: 'The webhook cannot be accepted: its signature does not match.',
  unauthenticated: 'Sign in and send the access token as a Bearer token.',
  token_expired: 'The access token has expired; refresh it.',
  invalid_credentials: 'The email address or the password is wrong.',
  invalid_refresh_token: 'The refresh token is not valid; sign in again.',
  forbidden: 'Your role may not do this.',
  not_found: 'There is no such appointment.',
  method_not_allowed: 'This address has no such method.',
  email_taken: 'An account with this email address already exists.',
  slot_taken: 'This time is taken.',
  patient_busy: 'The patient has another appointment at this time.',
  not_bookable: 'This time cannot be booked: inside minimum notice of 120 min.',
  hold_expired: 'The hold has expired. Book the time again if it is still free.',
  invalid_state: 'An appointment that is cancelled cannot be moved.',
  too_many_upcoming: 'A patient can have at most 40 visits to come.',
  payment_exists: 'The appointment already has an active payment.',
  nothing_to_pay: 'The appointment is free of charge.',
  request_in_progress: 'A request with this Idempotency-Key is still running. Try again later.',
  version_mismatch: 'The current version is 4. Read it again before you change it.',
  too_large: 'The body is larger than 64 KiB.',
  unsupported_media_type: 'Send the body as application/json.',
  validation_failed: 'startsAt: must lie in the future',
  idempotency_key_reused: 'This Idempotency-Key was used for another request.',
  rate_limited: 'Too many requests. Try again later.',
  internal: 'Something failed on our side. Name the request id when you report it.',
  unavailable: 'The database does not answer. Send the request again.',
}

/** Members that problems of a code always have. */
const USUAL: Partial<Record<ErrorCode, Record<string, unknown>>> = {
  validation_failed: { errors: [{ path: 'startsAt', message: 'must lie in the future' }] },
}
