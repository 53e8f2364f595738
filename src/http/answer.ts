import type { AuditFacts } from '../database/audit-event'
import type { AppError } from '../errors'

/** What a handler returns. The usual status is declared by the operation. */
export type Answer<T> = {
  /** Sent as JSON; a string is sent as it is, with the Content-Type in `headers`. */
  body: T
  /** Set to choose the second success of an operation (`or`). */
  status?: 200
  /** Sent as ETag. */
  version?: number
  location?: string
  headers?: Record<string, string>
  audit?: AuditFacts
}

/** An answer with this body. */
export const answer = <T>(body: T, rest: Omit<Answer<T>, 'body'> = {}): Answer<T> => ({ body, ...rest })

/** An answer without a body (204). */
export const noContent = (audit?: AuditFacts): Answer<undefined> => ({ body: undefined, audit })

/** A refusal that commits what the mutation wrote, with an event of outcome `denied`, before the error is sent. */
export type Refusal = { refused: AppError; audit: AuditFacts }

/** Refuses a mutation but commits its writes and its audit event. To roll everything back, throw instead. */
export const refuse = (error: AppError, audit: AuditFacts = {}): Refusal => ({ refused: error, audit })

/** Status, body and headers as they are sent, and as they are stored with an idempotency key. */
export function serialise(usualStatus: number, { body, version, location, headers, status }: Answer<unknown>) {
  return {
    status: status ?? usualStatus,
    body: typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body),
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(version !== undefined && { ETag: `"${version}"` }),
      ...(location !== undefined && { Location: location }),
      ...headers,
    } as Record<string, string>,
  }
}
