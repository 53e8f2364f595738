import { z } from 'zod'
import { appendAuditEvent, auditEvent } from '../database/audit-outbox'
import { asUnavailable } from '../database/constraints'
import { insertFenced, type PatientDocument } from '../database/fenced-insert'
import { newId } from '../database/ids'
import { inTransaction } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { unavailable } from '../errors'
import { type Answer, serialise } from './answer'
import { readClaim, type StoredAnswer } from './idempotency/claim'
import { beginClinicalWrite, countPendingAttempts, settleNotWritten, settleWritten } from './idempotency/clinical-store'
import { claimStatements } from './idempotency/keys'
import { auditOf, keyOf, type MutationRequest, replayed } from './mutation'

/**
 * Decides one clinical write: authorisation and every read belong here. It must follow from its arguments and the
 * database alone, since a retry under the same key runs it again with the same `id` and `createdAt`. `present` makes the
 * answer of the document that is stored in the end.
 */
export type ClinicalPlan<I, T, D extends PatientDocument> = (
  ctx: TransactionContext,
  input: I,
  fixed: { id: string; createdAt: Date },
) => Promise<{ collection: string; document: D; present: (document: D) => Answer<T> }>

const OUTCOME_UNKNOWN = 'The outcome is not known. Send the request again with the same Idempotency-Key.'

type Key = Awaited<ReturnType<typeof keyOf>>

/**
 * A write that spans two databases, in three steps: (a) PostgreSQL fixes the document's id under the key and writes the
 * audit event as pending; (b) MongoDB takes the document under that id; (c) PostgreSQL settles event and key.
 *
 * MongoDB's `_id` is the arbiter. A write has succeeded once its document is durable, which any later attempt finds; it has
 * failed only when no attempt can insert any more: its id is void (`findOrVoid`), or its one attempt sent nothing (`giveUp`).
 * A crash after (a), (b) or (c) is finished by a retry or the sweeper; a request that the sweeper overtook meets the void.
 */
export async function runClinicalMutation<I, T, D extends PatientDocument>(
  op: Parameters<typeof auditOf>[0],
  ctx: Context,
  request: MutationRequest,
  input: I,
  plan: ClinicalPlan<I, T, D>,
): Promise<StoredAnswer> {
  const key = await keyOf(ctx, request)
  const begun = await begin(auditOf(op), ctx, key, (tx, fixed) => plan(tx, input, fixed))
  if ('replay' in begun) return replayed(begun.replay)

  const { collection, document, present, first } = begun
  const inserted = await insertFenced(ctx.mongo, collection, document).catch((error) => {
    throw asUnavailable(error) ? unavailable(OUTCOME_UNKNOWN, error) : error
  })
  if (inserted.state === 'not_written') {
    if (first) await giveUp(ctx, key, document._id)
    throw inserted.error
  }
  if (inserted.state === 'void') {
    await settleNotWritten(ctx.db, document._id)
    throw unavailable('Nothing was written. Send the request again.')
  }
  const answer = serialise(op.answer.status, present(inserted.document))
  await settleWritten(ctx.db, document._id, key && { keyId: key.id, answer })
  return answer
}

/** Step (a). Every attempt leaves an event of its own; all those at one document are settled together. */
function begin<P extends { document: PatientDocument }>(
  audit: ReturnType<typeof auditOf>,
  ctx: Context,
  key: Key,
  plan: (ctx: TransactionContext, fixed: { id: string; createdAt: Date }) => Promise<P>,
): Promise<{ replay: StoredAnswer } | (P & { first: boolean })> {
  return inTransaction(
    ctx,
    async (tx, opened) => {
      const claim = key ? readClaim(key, opened) : ({ state: 'new' } as const)
      if (claim.state === 'answered') {
        await appendAuditEvent(tx.db, auditEvent(ctx, audit, { ...factsOf(claim.answer), detail: { replayed: true } }))
        return { replay: claim.answer }
      }
      const first = claim.state === 'new'
      const fixed = first ? { id: newId(), createdAt: ctx.now } : { id: claim.documentId, createdAt: claim.startedAt }
      const planned = await plan(tx, fixed)
      const event = auditEvent(ctx, audit, {
        patientIds: [planned.document.patientId],
        targetId: fixed.id,
        outcome: 'pending',
        ...(!first && { detail: { replayed: true } }),
      })
      await beginClinicalWrite(tx.db, event, first && key ? { ...key, documentId: fixed.id } : undefined)
      return { ...planned, first }
    },
    key ? claimStatements(key) : [],
  )
}

/** Every answer of a clinical write names its document and its patient. */
const Written = z.object({ id: z.string(), patientId: z.string() })

function factsOf({ body }: StoredAnswer) {
  const { id, patientId } = Written.parse(JSON.parse(body))
  return { targetId: id, patientIds: [patientId] }
}

/**
 * After a first attempt that reached no MongoDB. Under a key another attempt may have begun: holding the key keeps new
 * ones out, and those that have begun are counted; with any of them about, or without PostgreSQL, the sweeper decides.
 */
async function giveUp(ctx: Context, key: Key, documentId: string): Promise<void> {
  try {
    await inTransaction(
      ctx,
      async ({ db }, opened) => {
        if (key) readClaim(key, opened)
        if ((await countPendingAttempts(db, documentId)) === 1) await settleNotWritten(db, documentId)
      },
      key ? claimStatements(key) : [],
    )
  } catch (error) {
    ctx.log.warn({ error, requestId: ctx.requestId }, 'a failed clinical write is left to the sweeper')
  }
}
