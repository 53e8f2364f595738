import { type Kysely, sql } from 'kysely'
import type { Filter } from 'mongodb'
import { AUDIT_MEMBERS } from '../database/audit-event'
import { jsonRows } from '../database/json'
import type { Mongo } from '../database/mongo'
import type { Database } from '../database/schema'
import { type AuditLog, auditLogs, UNIQUE_EVENT } from './collection'
import type { Link } from './tables'

/** A literal, not a parameter: only then can a prepared plan use the partial index `audit_outbox_finished`. */
const PENDING = sql.lit<'pending'>('pending')

export async function hasFinishedEvents(db: Kysely<Database>): Promise<boolean> {
  const row = await db
    .selectFrom('auditOutbox')
    .select('id')
    .where('outcome', '<>', PENDING)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

const selectFinished = (db: Kysely<Database>) =>
  db.selectFrom('auditOutbox').select(AUDIT_MEMBERS).where('outcome', '<>', PENDING)

/** The oldest by id of those that are settled. Ids commit out of order: what is here is what has not been relayed. */
export const listFinishedEvents = (db: Kysely<Database>, limit: number) =>
  selectFinished(db).orderBy('id').limit(limit).execute()

/** Those of `ids` that are settled and have not been relayed, in any order. */
export const findFinishedEvents = (db: Kysely<Database>, ids: string[]) =>
  selectFinished(db).where(sql<boolean>`id = any(${ids}::uuid[])`).execute()

export type OutboxEvent = Awaited<ReturnType<typeof listFinishedEvents>>[number]

/** A position of the chain with the time and the signature of whoever held the key. */
export type Checkpoint = Link & { createdAt: Date; signature: string }

/** `start` is what the chain in MongoDB begins after; `checkpoints` are those from there on, newest first. */
export type Trail = { head: Link; start: Link; checkpoints: Checkpoint[] }

/** Head and checkpoints of one moment; with `limit` only the newest checkpoints. */
export async function readTrail(db: Kysely<Database>, limit?: number): Promise<Trail> {
  const { seq, hash, startSeq, startHash, checkpoints } = await db
    .selectFrom('auditHead')
    .select((eb) => [
      'seq',
      'hash',
      'startSeq',
      'startHash',
      jsonRows(
        eb
          .selectFrom('auditCheckpoints')
          .select(['seq', 'hash', 'createdAt', 'signature'])
          .whereRef('auditCheckpoints.seq', '>=', 'auditHead.startSeq')
          .orderBy('seq', 'desc')
          .$if(limit !== undefined, (qb) => qb.limit(limit!)),
      ).as('checkpoints'),
    ])
    .executeTakeFirstOrThrow()
  return {
    head: { seq, hash },
    start: { seq: startSeq, hash: startHash },
    checkpoints: checkpoints.map((checkpoint) => ({ ...checkpoint, createdAt: new Date(checkpoint.createdAt) })),
  }
}

/**
 * Moves the head and deletes the outbox rows of the events it moved over, in one statement. False, with nothing done,
 * when the head is not at `from` any more: somebody else has moved it.
 */
export async function moveHead(db: Kysely<Database>, from: Link, to: Link, eventIds: string[]): Promise<boolean> {
  const moved = await db
    .with('moved', (qb) =>
      qb.updateTable('auditHead').set(to).where('seq', '=', from.seq).where('hash', '=', from.hash).returning('seq'),
    )
    .with('relayed', (qb) =>
      qb
        .deleteFrom('auditOutbox')
        .where(sql<boolean>`id = any(${eventIds}::uuid[])`)
        .where(({ exists, selectFrom }) => exists(selectFrom('moved').select('seq'))),
    )
    .selectFrom('moved')
    .select('seq')
    .executeTakeFirst()
  return moved !== undefined
}

/** Of two that seal the same position one is kept. */
export async function insertCheckpoint(db: Kysely<Database>, checkpoint: Checkpoint): Promise<void> {
  await db
    .insertInto('auditCheckpoints')
    .values(checkpoint)
    .onConflict((conflict) => conflict.column('seq').doNothing())
    .execute()
}

/** The end of the oldest segment, where that was sealed before `before`. */
export const findSealedSegment = (db: Kysely<Database>, before: Date): Promise<Checkpoint | undefined> =>
  db
    .selectFrom('auditCheckpoints')
    .innerJoin('auditHead', (join) => join.onTrue())
    .select([
      'auditCheckpoints.seq',
      'auditCheckpoints.hash',
      'auditCheckpoints.createdAt',
      'auditCheckpoints.signature',
    ])
    .whereRef('auditCheckpoints.seq', '>', 'auditHead.startSeq')
    .where('auditCheckpoints.createdAt', '<', before)
    .orderBy('auditCheckpoints.seq')
    .limit(1)
    .executeTakeFirst()

/** Lets the chain begin after `to`; false when it does not begin at `from` any more. */
export async function moveStart(db: Kysely<Database>, from: Link, to: Link): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('auditHead')
    .set({ startSeq: to.seq, startHash: to.hash })
    .where('startSeq', '=', from.seq)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** In order, from `seq` on or after it, up to `last`. */
export function listLogs(
  mongo: Mongo,
  { from, after, last, limit }: { from?: number; after?: number; last?: number; limit: number },
): Promise<AuditLog[]> {
  const range = {
    ...(from !== undefined && { $gte: from }),
    ...(after !== undefined && { $gt: after }),
    ...(last !== undefined && { $lte: last }),
  }
  return (
    auditLogs(mongo)
      // Checked bytes would throw where they are not UTF-8; unchecked ones do not fit their hash.
      .find({ _id: range }, { enableUtf8Validation: false })
      .sort({ _id: 1 })
      .limit(limit)
      .batchSize(limit + 1)
      .toArray()
  )
}

/** The `_id` that sorts first or last over all types: what is no number sorts before or after all numbers. */
export async function findOutermostId(mongo: Mongo, end: 'first' | 'last'): Promise<unknown> {
  const sort = { _id: end === 'first' ? 1 : -1 } as const
  return (await auditLogs(mongo).findOne({}, { sort, projection: { _id: 1 } }))?._id
}

/** One that the chain has left behind and whose time is not known to lie before `before`. */
export const findLeftBehind = (mongo: Mongo, last: number, before: Date) =>
  auditLogs(mongo).findOne({ _id: { $lte: last }, occurredAt: { $not: { $lt: before } } }, { projection: { _id: 1 } })

export async function deleteLogs(mongo: Mongo, last: number, before: Date): Promise<number> {
  const { deletedCount } = await auditLogs(mongo).deleteMany({ _id: { $lte: last }, occurredAt: { $lt: before } })
  return deletedCount
}

/** Without it MongoDB would take an event twice. */
export async function hasUniqueIndex(mongo: Mongo): Promise<boolean> {
  const indexes = await auditLogs(mongo).indexes()
  return indexes.some(({ name, unique }) => name === UNIQUE_EVENT && unique)
}

/** In order, stopping at the first that is refused, so that no gap can come about. */
export async function insertLogs(mongo: Mongo, logs: AuditLog[]): Promise<void> {
  await auditLogs(mongo).insertMany(logs, { ordered: true })
}

export type AuditFilter = { actorId?: string; patientId?: string; kind?: string; from?: Date; to?: Date }

/** Newest first; `before` is the last sequence number of the page before. */
export function searchLogs(
  mongo: Mongo,
  { actorId, patientId, kind, from, to }: AuditFilter,
  limit: number,
  before?: number,
) {
  const filter: Filter<AuditLog> = {
    ...(before !== undefined && { _id: { $lt: before } }),
    ...(actorId && { actorId }),
    ...(patientId && { patientIds: patientId }),
    ...(kind && { kind }),
    ...((from || to) && { occurredAt: { ...(from && { $gte: from }), ...(to && { $lt: to }) } }),
  }
  return auditLogs(mongo)
    .find(filter, { projection: { bytes: 1 }, maxTimeMS: 5_000 })
    .sort({ _id: -1 })
    .limit(limit)
    .toArray()
}
