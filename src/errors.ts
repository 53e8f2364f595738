/** Every way a request can fail. `src/http/problem.ts` gives each its HTTP status; nothing here knows of HTTP. */
export type ErrorCode =
  | 'malformed_json'
  | 'invalid_signature'
  | 'unauthenticated'
  | 'token_expired'
  | 'invalid_credentials'
  | 'invalid_refresh_token'
  | 'forbidden'
  | 'not_found'
  | 'method_not_allowed'
  | 'email_taken'
  | 'slot_taken'
  | 'patient_busy'
  | 'not_bookable'
  | 'hold_expired'
  | 'invalid_state'
  | 'payment_exists'
  | 'nothing_to_pay'
  | 'request_in_progress'
  | 'version_mismatch'
  | 'too_large'
  | 'unsupported_media_type'
  | 'validation_failed'
  | 'idempotency_key_reused'
  | 'rate_limited'
  | 'internal'
  | 'unavailable'

export type FieldError = { path: string; message: string }

/**
 * A failure the client is told of. `detail` is one plain sentence without personal data; `extra` holds members added to
 * the problem document (`errors`, `alternatives`, `paymentId` …); `headers` go out with the answer.
 */
export class AppError extends Error {
  constructor(
    readonly code: ErrorCode,
    readonly detail: string,
    readonly extra: Record<string, unknown> = {},
    readonly headers: Record<string, string> = {},
    options?: ErrorOptions,
  ) {
    super(`${code}: ${detail}`, options)
    this.name = 'AppError'
  }
}

/** The same words whether a thing does not exist or is not the caller's, so that neither can be told from the other. */
export const notFound = (what: string) => new AppError('not_found', `There is no such ${what}.`)

/** 422 naming the field (`path` as in the body, `query.from` or `path.id` elsewhere) and the rule it broke. */
export const invalid = (path: string, message: string) =>
  new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] satisfies FieldError[] })

/** Throws 412 when `ifMatch`, the version that If-Match names, is not the current one; null means no such header. */
export function requireVersion({ version }: { version: number }, ifMatch: number | null): void {
  if (ifMatch !== null && ifMatch !== version)
    throw new AppError('version_mismatch', `The current version is ${version}; read it again and decide anew.`)
}

/** 503 with Retry-After: something of ours does not answer; the same request may be sent again. */
export const unavailable = (detail: string, cause?: unknown) =>
  new AppError('unavailable', detail, {}, { 'Retry-After': '2' }, { cause })
