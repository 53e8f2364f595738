import type { Context as HonoContext } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { asUnavailable } from '../database/constraints'
import { AppError, type ErrorCode } from '../errors'

/** The HTTP status of each error code. */
export const STATUS = {
  malformed_json: 400,
  invalid_signature: 400,
  unauthenticated: 401,
  token_expired: 401,
  invalid_credentials: 401,
  invalid_refresh_token: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  email_taken: 409,
  slot_taken: 409,
  patient_busy: 409,
  not_bookable: 409,
  hold_expired: 409,
  invalid_state: 409,
  too_many_upcoming: 409,
  payment_exists: 409,
  nothing_to_pay: 409,
  request_in_progress: 409,
  version_mismatch: 412,
  too_large: 413,
  unsupported_media_type: 415,
  validation_failed: 422,
  idempotency_key_reused: 422,
  rate_limited: 429,
  internal: 500,
  unavailable: 503,
} as const satisfies Record<ErrorCode, number>

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

export const titleOf = (code: ErrorCode) => TITLES[STATUS[code]]!

/** Turns anything thrown into an AppError for the client; an unknown error becomes `internal` and keeps its cause. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  if (error instanceof HTTPException && error.status === 413) return new AppError('too_large', 'The body is too large.')
  return (
    asUnavailable(error) ??
    new AppError(
      'internal',
      'Something failed on our side. Name the request id when you report it.',
      {},
      {},
      { cause: error },
    )
  )
}

/** The error as RFC 9457 problem details. Never cached, since it may depend on the caller. */
export function problemResponse(c: HonoContext, error: AppError): Response {
  const status = STATUS[error.code]
  const requestId: string = c.get('requestId')
  const body = {
    type: 'about:blank',
    title: TITLES[status],
    status,
    detail: error.detail,
    code: error.code,
    requestId,
    ...error.extra,
  }
  const headers: Record<string, string> = {
    'Content-Type': 'application/problem+json',
    'Cache-Control': 'no-store',
    ...error.headers,
  }
  if (status === 401) headers['WWW-Authenticate'] = 'Bearer'
  if (status === 503 && !headers['Retry-After']) headers['Retry-After'] = '2'
  return c.newResponse(JSON.stringify(body), status, headers)
}
