import type { Collection, Document } from 'mongodb'
import { MongoServerError, MongoServerSelectionError } from 'mongodb'
import { auditEvent } from '../database/audit-outbox'
import { newId } from '../database/ids'
import { inTransaction } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { type Answer, serialise } from './answer'
import { readClaim, type StoredAnswer } from './idempotency/claim'
import { beginClinicalWrite, settleClinicalWrite } from './idempotency/clinical-store'
import { claimStatements } from './idempotency/keys'
import { auditOf, keyOf, type MutationRequest, replayed } from './mutation'

export type ClinicalDocument = Document & { _id: string; createdAt: Date }

/**
 * Decides one clinical write: authorisation and every read belong here. It must follow from its arguments and the
 * database alone, since a retry under the same key runs it again with the same `id` and `createdAt`.
 */
export type ClinicalPlan<I, T> = (
  ctx: TransactionContext,
  input: I,
  fixed: { id: string; createdAt: Date },
) => Promise<{ collection: string; document: ClinicalDocument; answer: Answer<T> }>

const DUPLICATE_KEY = 11_000

/**
 * A write that spans two databases, in three steps: (a) PostgreSQL claims the key, fixes the document's id and writes the
 * audit event as pending; (b) MongoDB takes the document under that id, where a duplicate means it was there already; (c)
 * PostgreSQL settles the event and stores the answer. Whatever dies in between, a retry or the sweeper finishes it.
 */
export async function runClinicalMutation<I, T>(
  op: Parameters<typeof auditOf>[0],
  ctx: Context,
  request: MutationRequest,
  input: I,
  plan: ClinicalPlan<I, T>,
): Promise<StoredAnswer> {
  const audit = auditOf(op)
  const key = await keyOf(ctx, request)

  const begun = await inTransaction(
    ctx,
    async (tx, opened) => {
      const claim = key ? readClaim(key, opened) : ({ state: 'new' } as const)
      if (claim.state === 'answered') {
        await tx.db
          .insertInto('auditOutbox')
          .values(auditEvent(ctx, audit, { detail: { replayed: true } }))
          .execute()
        return { replay: claim.answer }
      }
      const fixed =
        claim.state === 'unfinished'
          ? { id: claim.documentId, createdAt: claim.startedAt }
          : { id: newId(), createdAt: ctx.now }
      const { collection, document, answer } = await plan(tx, input, fixed)
      if (claim.state === 'new') {
        const event = auditEvent(ctx, audit, { ...answer.audit, targetId: fixed.id, outcome: 'pending' })
        await beginClinicalWrite(tx.db, event, key && { ...key, documentId: fixed.id })
      }
      return { collection, document, answer }
    },
    key ? claimStatements(key) : [],
  )
  if ('replay' in begun) return replayed(begun.replay!)

  const { collection, document, answer } = begun
  const sent = serialise(op.answer.status, answer)
  try {
    await insertOnce(ctx.mongo.collection(collection), document)
  } catch (error) {
    if (wasNotWritten(error))
      await inTransaction(ctx, (tx) => settleClinicalWrite(tx.db, document._id, 'error', key?.id))
    throw error
  }
  await inTransaction(ctx, (tx) => settleClinicalWrite(tx.db, document._id, 'success', key?.id, sent))
  return sent
}

async function insertOnce(collection: Collection<Document>, document: ClinicalDocument): Promise<void> {
  try {
    await (collection as unknown as Collection<ClinicalDocument>).insertOne(document)
  } catch (error) {
    if (!(error instanceof MongoServerError && error.code === DUPLICATE_KEY)) throw error
  }
}

/** True when the document certainly is not there; after a lost connection only the sweeper can tell. */
const wasNotWritten = (error: unknown) =>
  error instanceof MongoServerSelectionError ||
  (error instanceof MongoServerError && !error.hasErrorLabel('RetryableWriteError'))
