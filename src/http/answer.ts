import type { AuditFacts } from '../database/audit-event'
import type { AppError } from '../errors'

/** What a handler gives back; the operation's declaration knows the status. */
export type Answer<T> = {
  /** JSON; a string goes out as it is, with the Content-Type that `headers` names. */
  body: T
  /** Where the operation has a second success. */
  status?: 200
  /** Sent as ETag. */
  version?: number
  location?: string
  headers?: Record<string, string>
  audit?: AuditFacts
}

/** An answer of `body`, and what the audit trail should know of it. */
export const answer = <T>(body: T, rest: Omit<Answer<T>, 'body'> = {}): Answer<T> => ({ body, ...rest })

/** 204. */
export const noContent = (audit?: AuditFacts): Answer<undefined> => ({ body: undefined, audit })

/** A refusal that leaves a mark: what the mutation wrote is committed with an event of outcome `denied`, then it fails. */
export type Refusal = { refused: AppError; audit: AuditFacts }

/** For a mutation that must fail and yet keep what it wrote, if only its audit event; to undo everything, throw. */
export const refuse = (error: AppError, audit: AuditFacts = {}): Refusal => ({ refused: error, audit })

/** The bytes and headers that go out, and that an idempotency key keeps. */
export function serialise(usual: number, { body, version, location, headers, status }: Answer<unknown>) {
  return {
    status: status ?? usual,
    body: typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body),
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(version !== undefined && { ETag: `"${version}"` }),
      ...(location !== undefined && { Location: location }),
      ...headers,
    } as Record<string, string>,
  }
}
