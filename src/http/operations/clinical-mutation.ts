import { type AuditFacts, auditEvent } from '../../database/audit-event'
import { markAudited } from '../../database/audit-outbox'
import type { PatientDocument } from '../../database/clinical-writes/insert'
import type { LookUp } from '../../database/clinical-writes/look-up'
import type { WriteOutcome } from '../../database/clinical-writes/outcome'
import { asUnavailable } from '../../database/constraints'
import { newId } from '../../database/ids'
import type { Mongo } from '../../database/mongo'
import { inTransaction } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { type AppError, unavailable } from '../../errors'
import { type Answer, serialise } from '../answer'
import { readClaim, type StoredAnswer } from '../idempotency/claim'
import {
  beginClinicalWrite,
  countPendingAttempts,
  settleNotWritten,
  settleWritten,
} from '../idempotency/clinical-store'
import { claimStatements } from '../idempotency/keys'
import { auditOf, keyOf, type MutationRequest } from './mutation'
import { type ReplayRule, replayAnswer } from './replay'

/** The id and time that all attempts at one write share, and whether this is the first attempt. */
export type FixedWrite = { id: string; createdAt: Date; isFirstAttempt: boolean }

/** One write to MongoDB under a fixed id, as planned by an operation. */
export type ClinicalWrite<T, D extends PatientDocument> = {
  patientId: string
  /** For the audit event. With `detail` it is enough for the sweeper to look the write up. */
  targetId: string
  detail?: AuditFacts['detail']
  /** Idempotent, and blocked once a tombstone is under its id: see `database/clinical-writes`. */
  write: (mongo: Mongo) => Promise<WriteOutcome<D>>
  /** Makes the answer from the stored document. */
  present: (document: D) => Answer<T>
  /** Thrown when the document is in a state that does not allow the write. */
  refusal?: AppError
}

export type ClinicalSteps<I, T, D extends PatientDocument, P> = {
  /** How the sweeper checks, after a crash, whether MongoDB has the write. */
  lookUp: LookUp
  /** Reads what `plan` needs from MongoDB and consumes an upload, before the transaction opens. */
  beforeTransaction?: (ctx: Context, input: I) => Promise<P>
  /** The content of an upload, such as its digest, for the fingerprint of the idempotency key. */
  contentOf?: (prepared: P) => string
  /**
   * Authorises and plans the write, with all reads of PostgreSQL. A retry runs it again with the same `id` and
   * `createdAt`, so it must depend on nothing but its arguments and the database. Only the first attempt may be refused
   * for the state of the document: later ones may find their own write, so MongoDB checks the state for them.
   */
  plan: (ctx: TransactionContext, input: I, fixed: FixedWrite, prepared: P) => Promise<ClinicalWrite<T, D>>
  /** Cleans up once this request writes nothing more; receives the document if it is stored. May fail. */
  afterWrite?: (ctx: Context, prepared: P, document?: D) => Promise<void>
}

const OUTCOME_UNKNOWN = 'The outcome is not known. Send the request again with the same Idempotency-Key.'

type Audited = Parameters<typeof auditOf>[0]
type Key = Awaited<ReturnType<typeof keyOf>>
type BegunWrite<T, D extends PatientDocument> = ClinicalWrite<T, D> & { fixed: FixedWrite }

/**
 * A clinical write has three steps: (a) PostgreSQL stores a fixed id with the key, and a pending audit event; (b)
 * MongoDB stores the document under that id; (c) PostgreSQL settles the event and the key.
 *
 * MongoDB decides. The write has succeeded once it is durable there. It has failed only if no attempt can succeed any
 * more: a tombstone blocks its id, or its only attempt sent nothing (`giveUp`). After a crash, a retry or the sweeper
 * finishes the steps; a request that is slower than the sweeper finds the tombstone.
 */
export async function runClinicalMutation<I, T, D extends PatientDocument, P>(
  op: Audited,
  ctx: Context,
  request: MutationRequest,
  input: I,
  rule: ReplayRule<P>,
  { beforeTransaction, contentOf, plan, afterWrite }: ClinicalSteps<I, T, D, P>,
): Promise<StoredAnswer> {
  // Without `beforeTransaction`, P is undefined.
  const prepared = (await beforeTransaction?.(ctx, input)) as P
  const close = async (document?: D) =>
    afterWrite?.(ctx, prepared, document).catch((error) =>
      ctx.log.warn({ error, requestId: ctx.requestId }, 'cleaning up after a clinical write is left to the sweeper'),
    )
  const start = async () => {
    const fingerprint = `${request.fingerprint}${contentOf?.(prepared) ?? ''}`
    const key = await keyOf(ctx, { ...request, fingerprint })
    const replay = { rule, prepared }
    return { key, begun: await begin(auditOf(op), ctx, key, replay, (tx, fixed) => plan(tx, input, fixed, prepared)) }
  }
  const { key, begun } = await start().catch(async (error) => {
    await close()
    throw error
  })
  if (!('write' in begun)) {
    await close()
    if ('refused' in begun) throw markAudited(begun.refused)
    return begun
  }
  return complete(op, ctx, key, begun, close).catch((error) => {
    throw markAudited(error)
  })
}

/** Steps (b) and (c). The event of step (a) records their outcome, so a failure needs no event of its own. */
async function complete<T, D extends PatientDocument>(
  op: Audited,
  ctx: Context,
  key: Key,
  { write, present, refusal, fixed }: BegunWrite<T, D>,
  close: (document?: D) => Promise<void>,
): Promise<StoredAnswer> {
  const attempt = await write(ctx.mongo).catch((error) => {
    throw asUnavailable(error) ? unavailable(OUTCOME_UNKNOWN, error) : error
  })
  await close(attempt.state === 'there' ? attempt.document : undefined)
  if (attempt.state === 'not_written') {
    if (fixed.isFirstAttempt) await giveUp(ctx, key, fixed.id)
    throw attempt.error
  }
  if (attempt.state !== 'there') {
    await settleNotWritten(ctx.db, fixed.id)
    throw (attempt.state === 'refused' && refusal) || unavailable('Nothing was written. Send the request again.')
  }
  const answer = serialise(op.answer.status, present(attempt.document))
  await settleWritten(ctx.db, fixed.id, key && { keyId: key.id, answer })
  return answer
}

/** Step (a). Every attempt writes its own event; the events of all attempts at one write are settled together. */
function begin<T, D extends PatientDocument, P>(
  audit: ReturnType<typeof auditOf>,
  ctx: Context,
  key: Key,
  replay: { rule: ReplayRule<P>; prepared: P },
  plan: (ctx: TransactionContext, fixed: FixedWrite) => Promise<ClinicalWrite<T, D>>,
): Promise<StoredAnswer | { refused: AppError } | BegunWrite<T, D>> {
  return inTransaction(
    ctx,
    async (tx, opened) => {
      const claim = key ? readClaim(key, opened) : ({ state: 'new' } as const)
      if (claim.state === 'answered') return replayAnswer(tx, audit, claim, replay.rule, replay.prepared)
      const isFirstAttempt = claim.state === 'new'
      const fixed = isFirstAttempt
        ? { id: newId(), createdAt: ctx.now, isFirstAttempt }
        : { id: claim.documentId, createdAt: claim.startedAt, isFirstAttempt }
      const planned = await plan(tx, fixed)
      const { patientId, targetId } = planned
      const detail = isFirstAttempt ? planned.detail : { ...planned.detail, replayed: true }
      const event = auditEvent(ctx, audit, { patientIds: [patientId], targetId, outcome: 'pending', detail })
      await beginClinicalWrite(tx.db, fixed.id, event, isFirstAttempt ? key : undefined)
      return { ...planned, fixed }
    },
    key ? claimStatements(key) : [],
  )
}

/**
 * Settles a first attempt that did not reach MongoDB. Another attempt may have begun under the key: claiming the key
 * keeps new attempts out, and if another one is pending, or PostgreSQL fails, the sweeper settles the write.
 */
async function giveUp(ctx: Context, key: Key, writeId: string): Promise<void> {
  try {
    await inTransaction(
      ctx,
      async ({ db }, opened) => {
        if (key) readClaim(key, opened)
        if ((await countPendingAttempts(db, writeId)) === 1) await settleNotWritten(db, writeId)
      },
      key ? claimStatements(key) : [],
    )
  } catch (error) {
    ctx.log.warn({ error, requestId: ctx.requestId }, 'a failed clinical write is left to the sweeper')
  }
}
