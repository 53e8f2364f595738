import { type AuditFacts, auditEvent } from '../../database/audit-event'
import { appendAuditEvent, markAudited } from '../../database/audit-outbox'
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
import { auditOf, keyOf, type MutationRequest, replayEvent, replayed } from './mutation'

/** What is the same in every attempt at one write, and whether any earlier attempt has come this far. */
export type Fixed = { id: string; createdAt: Date; isFirstAttempt: boolean }

/** One write to MongoDB under a fixed id, as an operation has decided it. */
export type ClinicalWrite<T, D extends PatientDocument> = {
  patientId: string
  /** What the audit event names; with `detail`, enough for the sweeper to look the write up. */
  targetId: string
  detail?: AuditFacts['detail']
  /** Idempotent, and refused once a tombstone blocks its id: see `database/clinical-writes`. */
  write: (mongo: Mongo) => Promise<WriteOutcome<D>>
  /** Makes the answer of the document that is stored in the end. */
  present: (document: D) => Answer<T>
  /** Thrown when MongoDB finds the document in a state that does not allow the write. */
  refusal?: AppError
}

export type ClinicalSteps<I, T, D extends PatientDocument, P> = {
  /** How the sweeper finds out, after a crash, whether MongoDB has the write. */
  lookUp: LookUp
  /** What the decision needs of MongoDB, read before the transaction opens; a stream of the request is consumed here. */
  beforeTransaction?: (ctx: Context, input: I) => Promise<P>
  /** What the request holds besides its text, for the fingerprint of its key. */
  contentOf?: (prepared: P) => string
  /**
   * Decides: authorisation and every read of PostgreSQL belong here. It must follow from its arguments and the database
   * alone, since a retry under the same key runs it again with the same `id` and `createdAt`; what a first attempt is
   * refused for, a later one may have brought about itself, so it leaves that to MongoDB.
   */
  plan: (ctx: TransactionContext, input: I, fixed: Fixed, prepared: P) => Promise<ClinicalWrite<T, D>>
  /** Cleans up once nothing of this request will be written any more, given the document when it is there. May fail. */
  afterWrite?: (ctx: Context, prepared: P, document?: D) => Promise<void>
}

const OUTCOME_UNKNOWN = 'The outcome is not known. Send the request again with the same Idempotency-Key.'

type Audited = Parameters<typeof auditOf>[0]
type Key = Awaited<ReturnType<typeof keyOf>>
type Begun<T, D extends PatientDocument> = ClinicalWrite<T, D> & { fixed: Fixed }

/**
 * A write that spans two databases, in three steps: (a) PostgreSQL fixes an id under the key and writes the audit event as
 * pending; (b) MongoDB takes the write under that id; (c) PostgreSQL settles event and key.
 *
 * MongoDB is the arbiter. A write has succeeded once it is durable, which any later attempt finds; it has failed only when
 * no attempt can succeed any more: its id is void (`findOrBlock`, `findOrBlockEntry`), or its one attempt sent nothing
 * (`giveUp`). A crash after (a), (b) or (c) is finished by a retry or the sweeper; a request that the sweeper overtook
 * meets the void.
 */
export async function runClinicalMutation<I, T, D extends PatientDocument, P>(
  op: Audited,
  ctx: Context,
  request: MutationRequest,
  input: I,
  { beforeTransaction, contentOf, plan, afterWrite }: ClinicalSteps<I, T, D, P>,
): Promise<StoredAnswer> {
  // Without `beforeTransaction`, P is undefined.
  const prepared = (await beforeTransaction?.(ctx, input)) as P
  const close = async (document?: D) =>
    afterWrite?.(ctx, prepared, document).catch((error) =>
      ctx.log.warn({ error, requestId: ctx.requestId }, 'what a clinical write leaves behind is left to the sweeper'),
    )
  const start = async () => {
    const fingerprint = `${request.fingerprint}${contentOf?.(prepared) ?? ''}`
    const key = await keyOf(ctx, { ...request, fingerprint })
    return { key, begun: await begin(auditOf(op), ctx, key, (tx, fixed) => plan(tx, input, fixed, prepared)) }
  }
  const { key, begun } = await start().catch(async (error) => {
    await close()
    throw error
  })
  if ('replay' in begun) {
    await close()
    return replayed(begun.replay)
  }
  return complete(op, ctx, key, begun, close).catch((error) => {
    throw markAudited(error)
  })
}

/** Steps (b) and (c); whatever becomes of them, the event of step (a) will tell. */
async function complete<T, D extends PatientDocument>(
  op: Audited,
  ctx: Context,
  key: Key,
  { write, present, refusal, fixed }: Begun<T, D>,
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

/** Step (a). Every attempt leaves an event of its own; all those at one write are settled together. */
function begin<T, D extends PatientDocument>(
  audit: ReturnType<typeof auditOf>,
  ctx: Context,
  key: Key,
  plan: (ctx: TransactionContext, fixed: Fixed) => Promise<ClinicalWrite<T, D>>,
): Promise<{ replay: StoredAnswer } | Begun<T, D>> {
  return inTransaction(
    ctx,
    async (tx, opened) => {
      const claim = key ? readClaim(key, opened) : ({ state: 'new' } as const)
      if (claim.state === 'answered') {
        await appendAuditEvent(tx.db, replayEvent(ctx, audit, claim))
        return { replay: claim.answer }
      }
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
 * After a first attempt that reached no MongoDB. Under a key another attempt may have begun: holding the key keeps new
 * ones out, and those that have begun are counted; with any of them about, or without PostgreSQL, the sweeper decides.
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
