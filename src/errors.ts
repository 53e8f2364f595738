/** Every way a request can fail. `src/http/problem.ts` maps each code to an HTTP status. */
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
  | 'too_many_upcoming'
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
 * A failure that is reported to the client. `detail` is one plain sentence without personal data; `extra` holds members
 * added to the problem document (`errors`, `alternatives`, `paymentId` …); `headers` go out with the answer.
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

/** One message for things that do not exist and for things of others, so that callers cannot distinguish them. */
export const notFound = (what: string) => new AppError('not_found', `There is no such ${what}.`)

/** 422 that names the field (`path` as in the body, `query.from` or `path.id` elsewhere) and its rule. */
export const invalid = (path: string, message: string) =>
  new AppError('validation_failed', `${path}: ${message}`, { errors: [{ path, message }] satisfies FieldError[] })

/** The rule that a value breaks at a moment, in words. */
export type ClockRule<V> = (value: V, now: Date) => string | undefined

/** Throws validation_failed if the value breaks the rule now. Schemas name the same rule with `byClock`. */
export function requireRule<V>({ now }: { now: Date }, path: string, value: V, rule: ClockRule<V>): void {
  const message = rule(value, now)
  if (message) throw invalid(path, message)
}

/** The versions in the If-Match header, any of which may be the current one; null without the header. */
export type IfMatch = ReadonlySet<number> | null

/** Throws 412 unless the current version is among those of the If-Match header. */
export function requireVersion({ version }: { version: number }, ifMatch: IfMatch): void {
  if (ifMatch !== null && !ifMatch.has(version))
    throw new AppError('version_mismatch', `The current version is ${version}. Read it again before you change it.`)
}

/** 503 with Retry-After: a part of the system does not answer. The client may send the same request again. */
export const unavailable = (detail: string, cause?: unknown) =>
  new AppError('unavailable', detail, {}, { 'Retry-After': '2' }, { cause })
