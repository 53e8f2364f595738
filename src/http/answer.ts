import type { AuditFacts } from '../database/audit-outbox'

/** What a handler gives back; the operation's declaration knows the status. */
export type Answer<T> = {
  body: T
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

/** The bytes and headers that go out, and that an idempotency key keeps. */
export function serialise(status: number, { body, version, location, headers }: Answer<unknown>) {
  return {
    status,
    body: body === undefined ? '' : JSON.stringify(body),
    headers: {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...(version !== undefined && { ETag: `"${version}"` }),
      ...(location !== undefined && { Location: location }),
      ...headers,
    } as Record<string, string>,
  }
}
