import type { Caller } from '../../actor'
import { type AuditAction, auditEvent } from '../../database/audit-event'
import { appendAuditEvent, markAudited } from '../../database/audit-outbox'
import { inTransaction } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError } from '../../errors'
import { type Answer, type Refusal, serialise } from '../answer'
import { type Claim, readClaim, type StoredAnswer } from '../idempotency/claim'
import { claimStatements, idempotencyKey } from '../idempotency/keys'
import { recordOutcome } from '../idempotency/store'

export type MutationRequest = { idempotencyKey: string | undefined; fingerprint: string }
type AnsweredClaim = Extract<Claim, { state: 'answered' }>
type MutationSpec = { audit?: { kind: string; action: AuditAction }; operationId: string; answer: { status: number } }

/**
 * One transaction: claim the key, run, write the audit event, store the answer, commit; only then the answer is sent.
 * If the key has a stored answer, that is returned again, and this replay is audited too. A refusal is thrown after the
 * commit.
 */
export async function runMutation<A extends Caller | null>(
  op: MutationSpec,
  ctx: Context<A>,
  request: MutationRequest,
  run: (ctx: TransactionContext<A>) => Promise<Answer<unknown> | Refusal>,
): Promise<StoredAnswer> {
  const audit = auditOf(op)
  const key = await keyOf(ctx, request)
  const outcome = await inTransaction(
    ctx,
    async (tx, opened) => {
      const claim = key && readClaim(key, opened)
      if (claim?.state === 'answered') {
        await appendAuditEvent(tx.db, replayEvent(ctx, audit, claim))
        return asReplay(claim.answer)
      }
      const answer = await run(tx)
      if ('refused' in answer) {
        await appendAuditEvent(tx.db, auditEvent(ctx, audit, { ...answer.audit, outcome: 'denied' }))
        return answer
      }
      const sent = serialise(op.answer.status, answer)
      const event = auditEvent(ctx, audit, answer.audit ?? {})
      await recordOutcome(tx.db, event, key && { ...key, answer: sent })
      return sent
    },
    key ? claimStatements(key) : [],
  )
  if ('refused' in outcome) throw markAudited(outcome.refused)
  return outcome
}

/** The idempotency key of a signed-in caller, if they sent one. Throws 422 for an empty or too long one. */
export async function keyOf(ctx: Context<Caller | null>, { idempotencyKey: header, fingerprint }: MutationRequest) {
  const { actor } = ctx
  if (header === undefined || actor === null) return undefined
  if (header.length < 1 || header.length > 200)
    throw new AppError('validation_failed', 'Idempotency-Key must have 1 to 200 characters.', {
      errors: [{ path: 'header.Idempotency-Key', message: 'must have 1 to 200 characters' }],
    })
  return { ...(await idempotencyKey({ ...ctx, actor }, header, fingerprint)), userId: actor.userId }
}

/** The audit event that the operation declares. Throws if it declares none. */
export const auditOf = ({ audit, operationId }: MutationSpec) => {
  if (!audit) throw new Error(`${operationId} changes data and declares no audit event`)
  return audit
}

/** The event of a replay names the same patients and target as the event of the first request. */
export const replayEvent = (
  ctx: Context<Caller | null>,
  audit: ReturnType<typeof auditOf>,
  { subject }: AnsweredClaim,
) => auditEvent(ctx, audit, { ...subject, detail: { replayed: true } })

/** Marks a stored answer that is returned again. */
export const asReplay = (answer: StoredAnswer): StoredAnswer => ({
  ...answer,
  headers: { ...answer.headers, 'Idempotent-Replayed': 'true' },
})
