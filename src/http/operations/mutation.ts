import type { Caller } from '../../actor'
import { type AuditAction, auditEvent } from '../../database/audit-event'
import { appendAuditEvent, markAudited } from '../../database/audit-outbox'
import { inTransaction } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError } from '../../errors'
import { type Answer, type Refusal, serialise } from '../answer'
import { readClaim, type StoredAnswer } from '../idempotency/claim'
import { claimStatements, idempotencyKey } from '../idempotency/keys'
import { isKeyStored, recordOutcome } from '../idempotency/store'
import { type ReplayRule, replayAnswer } from './replay'

/** `ifMatch`: the If-Match header as sent, or `''`. */
export type MutationRequest = { idempotencyKey: string | undefined; fingerprint: string; ifMatch: string }
type MutationSpec = { audit?: { kind: string; action: AuditAction }; operationId: string; answer: { status: number } }

/**
 * One transaction: claim the key, run, write the audit event, store the answer, commit; only then the answer is sent.
 * If the key has a stored answer, that is returned again to a caller who may still read it, and this replay is audited too.
 * A refusal is thrown after the commit.
 */
export async function runMutation<A extends Caller | null, Prepared>(
  op: MutationSpec,
  ctx: Context<A>,
  request: MutationRequest,
  replay: { rule: ReplayRule<Prepared>; prepared: Prepared },
  run: (ctx: TransactionContext<A>) => Promise<Answer<unknown> | Refusal>,
): Promise<StoredAnswer> {
  const audit = auditOf(op)
  const key = await keyOf(ctx, request)
  const outcome = await inTransaction(
    ctx,
    async (tx, opened) => {
      const claim = key && readClaim(key, opened)
      if (claim?.state === 'answered') return replayAnswer(tx, audit, claim, replay.rule, replay.prepared)
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
export async function keyOf(ctx: Context<Caller | null>, request: MutationRequest) {
  const { actor } = ctx
  const header = request.idempotencyKey
  if (header === undefined || actor === null) return undefined
  if (header.length < 1 || header.length > 200)
    throw new AppError('validation_failed', 'Idempotency-Key must have 1 to 200 characters.', {
      errors: [{ path: 'header.Idempotency-Key', message: 'must have 1 to 200 characters' }],
    })
  return { ...(await idempotencyKey({ ...ctx, actor }, header, request)), userId: actor.userId }
}

/** Whether an answer is stored under the idempotency key of the request. */
export async function hasStoredAnswer(ctx: Context<Caller | null>, request: MutationRequest): Promise<boolean> {
  const key = await keyOf(ctx, request)
  return key !== undefined && (await isKeyStored(ctx.db, { id: key.id }))
}

/** The audit event that the operation declares. Throws if it declares none. */
export const auditOf = ({ audit, operationId }: MutationSpec) => {
  if (!audit) throw new Error(`${operationId} changes data and declares no audit event`)
  return audit
}
