import { type Kysely, sql } from 'kysely'
import type { Filter } from 'mongodb'
import { AUDIT_MEMBERS } from '../database/audit-event'
import { jsonRows } from '../database/json'
import type { Mongo } from '../database/mongo'
import type { Database } from '../database/schema'
import { type AuditLog, auditLogs, auditLogsAside, UNIQUE_EVENT } from './collection'
import type { ChainLink } from './tables'

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

/** The oldest settled events by id. Ids commit out of order, so a row here, not its id, says that it is not relayed yet. */
export const listFinishedEvents = (db: Kysely<Database>, limit: number) =>
  selectFinished(db).orderBy('id').limit(limit).execute()

/** Settled events with these ids that have not been relayed, in any order. */
export const findFinishedEvents = (db: Kysely<Database>, ids: string[]) =>
  selectFinished(db).where(sql<boolean>`id = any(${ids}::uuid[])`).execute()

export type OutboxEvent = Awaited<ReturnType<typeof listFinishedEvents>>[number]

/** A signed position of the chain. */
export type Checkpoint = ChainLink & { createdAt: Date; signature: string }

/** The chain in MongoDB begins after `start`; `checkpoints` are those from `start` on, newest first. */
export type Trail = { head: ChainLink; start: ChainLink; checkpoints: Checkpoint[] }

/** Head, start and checkpoints in one snapshot; with `limit` only the newest checkpoints. */
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
 * Moves the head and deletes the outbox rows of the relayed events, in one statement. False, with nothing changed, when
 * another relay has already moved the head from `from`.
 */
export async function moveHead(
  db: Kysely<Database>,
  from: ChainLink,
  to: ChainLink,
  eventIds: string[],
): Promise<boolean> {
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

/** Keeps the existing checkpoint when the position was sealed already. */
export async function insertCheckpoint(db: Kysely<Database>, checkpoint: Checkpoint): Promise<void> {
  await db
    .insertInto('auditCheckpoints')
    .values(checkpoint)
    .onConflict((conflict) => conflict.column('seq').doNothing())
    .execute()
}

/** The checkpoint at the end of the oldest segment, if it was sealed before `before`. */
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

/** Lets the chain begin after `to`; false when its start is no longer `from`. */
export async function moveStart(db: Kysely<Database>, from: ChainLink, to: ChainLink): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('auditHead')
    .set({ startSeq: to.seq, startHash: to.hash })
    .where('startSeq', '=', from.seq)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** In order of `_id`: from `from` on or after `after`, up to `last`. */
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
      // A check would throw on bytes that are not UTF-8; without it they simply do not match their hash.
      .find({ _id: range }, { enableUtf8Validation: false })
      .sort({ _id: 1 })
      .limit(limit)
      .batchSize(limit + 1)
      .toArray()
  )
}

/** The `_id` that sorts first or last over all BSON types: other types sort before or after all numbers. */
export async function findOutermostId(mongo: Mongo, end: 'first' | 'last'): Promise<unknown> {
  const sort = { _id: end === 'first' ? 1 : -1 } as const
  return (await auditLogs(mongo).findOne({}, { sort, projection: { _id: 1 } }))?._id
}

/** A document up to `last` that pruning would not have deleted: its time is not before `before`, or is no time at all. */
export const findUnpruned = (mongo: Mongo, last: number, before: Date) =>
  auditLogs(mongo).findOne({ _id: { $lte: last }, occurredAt: { $not: { $lt: before } } }, { projection: { _id: 1 } })

/** Deletes the documents up to `last` whose events occurred before `before`; returns how many. */
export async function deleteLogs(mongo: Mongo, last: number, before: Date): Promise<number> {
  const { deletedCount } = await auditLogs(mongo).deleteMany({ _id: { $lte: last }, occurredAt: { $lt: before } })
  return deletedCount
}

/** Whether the unique index on the event id exists; without it MongoDB would store an event twice. */
export async function hasUniqueIndex(mongo: Mongo): Promise<boolean> {
  const indexes = await auditLogs(mongo).indexes()
  return indexes.some(({ name, unique }) => name === UNIQUE_EVENT && unique)
}

/** In order, stopping at the first error, so that the chain has no gap. */
export async function insertLogs(mongo: Mongo, logs: AuditLog[]): Promise<void> {
  await auditLogs(mongo).insertMany(logs, { ordered: true })
}

/** Every event of a kind, in order. */
export const listEventsOfKind = (mongo: Mongo, kind: string): Promise<AuditLog[]> =>
  auditLogs(mongo).find({ kind }).sort({ _id: 1 }).toArray()

/** Moves documents out of the trail; safe to repeat after a crash. */
export async function moveAside(mongo: Mongo, logs: AuditLog[], asideAt: Date): Promise<void> {
  for (const log of logs) {
    const { _id: seq, ...fields } = log
    const id = `${seq} ${log.hash}`
    await auditLogsAside(mongo).replaceOne({ _id: id }, { ...fields, seq, asideAt }, { upsert: true })
    await auditLogs(mongo).deleteOne({ _id: seq })
  }
}

export type AuditFilter = { actorId?: string; patientId?: string; kind?: string; from?: Date; to?: Date }

/** Newest first; `before` is the last sequence number of the page before. `to` is exclusive. */
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
