import type { Caller } from '../../actor'
import { type AuditKind, auditEvent } from '../../database/audit-event'
import { appendAuditEvent } from '../../database/audit-outbox'
import type { TransactionContext } from '../../deps'
import { type AppError, notFound } from '../../errors'
import type { Claim, StoredAnswer } from '../idempotency/claim'

export type AnsweredClaim = Extract<Claim, { state: 'answered' }>

/** What a stored answer shows: its body, and the patients and target that the event of the first request names. */
export type AnsweredThing = AnsweredClaim['subject'] & { body: unknown }

/**
 * Who gets a stored answer again: callers who may read, at that moment, the thing that it shows. Everybody else gets the
 * 404 of a `thing` that does not exist. Asked in the transaction of the replay; `prepared` is the result of
 * `beforeTransaction`.
 */
export type ReplayRule<Prepared = unknown> = {
  thing: string
  mayRead: (ctx: TransactionContext, answered: AnsweredThing, prepared: Prepared) => Promise<boolean>
}

const always = async () => true

/** For things that the caller may read as long as the account exists: their role or their own doctor's id decides. */
export const READABLE_BY_ROLE: ReplayRule = { thing: 'resource', mayRead: always }

/** For requests that themselves end the caller's right to read the thing, such as an erasure: the answer stays theirs. */
export const READABLE_FOR_GOOD: ReplayRule = { thing: 'resource', mayRead: always }

/** For operations without a token: they take no idempotency key. */
export const NEVER_REPLAYED: ReplayRule = { thing: 'resource', mayRead: async () => false }

/** The stored answer, marked as a replay, or a refusal. Writes the audit event of either. */
export async function replayAnswer<A extends Caller | null, Prepared>(
  ctx: TransactionContext<A>,
  audit: AuditKind,
  { answer, subject }: AnsweredClaim,
  { thing, mayRead }: ReplayRule<Prepared>,
  prepared: Prepared,
): Promise<StoredAnswer | { refused: AppError }> {
  const answered = { ...subject, body: answer.body === '' ? undefined : JSON.parse(answer.body) }
  // Only a signed-in caller has an idempotency key, so there is an actor.
  if (await mayRead(ctx as TransactionContext, answered, prepared)) {
    await appendAuditEvent(ctx.db, auditEvent(ctx, audit, { ...subject, detail: { replayed: true } }))
    return { ...answer, headers: { ...answer.headers, 'Idempotent-Replayed': 'true' } }
  }
  const refused = notFound(thing)
  const detail = { code: refused.code, replayed: true }
  await appendAuditEvent(ctx.db, auditEvent(ctx, audit, { ...subject, outcome: 'denied', detail }))
  return { refused }
}

/** The id of the answered thing: the `id` in the body or, for an answer without one, the target of its event. */
export const idOf = ({ body, targetId }: AnsweredThing) => (body as { id?: string } | undefined)?.id ?? targetId
