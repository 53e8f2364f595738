import { type Kysely, sql } from 'kysely'
import type { Filter } from 'mongodb'
import type { Mongo } from '../database/mongo'
import type { Database } from '../database/schema'
import { type AuditLog, auditLogs } from './collection'

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

/** The oldest by id of those that are settled. Ids commit out of order: what is here is what has not been relayed. */
export function listFinishedEvents(db: Kysely<Database>, limit: number) {
  return db
    .selectFrom('auditOutbox')
    .select([
      'id',
      'occurredAt',
      'kind',
      'action',
      'outcome',
      'actorId',
      'actorRole',
      'patientIds',
      'targetId',
      'requestId',
      'ip',
      'detail',
    ])
    .where('outcome', '<>', PENDING)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export type OutboxEvent = Awaited<ReturnType<typeof listFinishedEvents>>[number]

/** How many events have been relayed for good. */
export async function findHead(db: Kysely<Database>): Promise<number> {
  return (await db.selectFrom('auditHead').select('seq').executeTakeFirstOrThrow()).seq
}

/**
 * Moves the head and deletes the outbox rows of the events it moved over, in one statement. False, with nothing done,
 * when the head is not at `from` any more: somebody else has moved it.
 */
export async function moveHead(db: Kysely<Database>, from: number, to: number, eventIds: string[]): Promise<boolean> {
  const moved = await db
    .with('moved', (qb) => qb.updateTable('auditHead').set({ seq: to }).where('seq', '=', from).returning('seq'))
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

/** What is in MongoDB beyond the head: written by a relay that did not come to move it. */
export function listLogsAfter(mongo: Mongo, seq: number, limit: number) {
  return auditLogs(mongo)
    .find({ _id: { $gt: seq } }, { projection: { eventId: 1 } })
    .sort({ _id: 1 })
    .limit(limit)
    .toArray()
}

/** In order, stopping at the first that is refused, so that no gap can come about. */
export async function insertLogs(mongo: Mongo, logs: AuditLog[]): Promise<void> {
  await auditLogs(mongo).insertMany(logs, { ordered: true })
}

export type AuditFilter = { actorId?: string; patientId?: string; kind?: string; from?: Date; to?: Date }

/** Newest first; `before` is the last sequence number of the page before. */
export function listLogs(
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
  return auditLogs(mongo).find(filter).sort({ _id: -1 }).limit(limit).toArray()
}
