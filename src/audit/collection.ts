import type { Collection } from 'mongodb'
import type { CollectionSpec, Mongo } from '../database/mongo'

/**
 * One event of the audit trail and its link to the one before; `_id` counts them from 1 without gaps, in the order they
 * were relayed. All there is to know of the event stands in `bytes`, as JSON (see chain.ts); the fields beside it repeat
 * what reads look for.
 */
export type AuditLog = {
  _id: number
  /** The id its outbox row had. */
  eventId: string
  occurredAt: Date
  kind: string
  actorId: string | null
  patientIds: string[]
  /** Hash of the event before. */
  prev: string
  /** SHA-256, in hexadecimal, of `prev` and `bytes`, both as UTF-8. */
  hash: string
  bytes: string
}

/**
 * Reads see only what a majority has journaled: an event that could still be rolled back must not count as stored, or
 * its outbox row would be deleted for nothing.
 */
export const auditLogs = (mongo: Mongo): Collection<AuditLog> =>
  mongo.db.collection<AuditLog>(AUDIT_COLLECTION.name, {
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
  })

export const UNIQUE_EVENT = 'audit_logs_event'

/** One event is stored once; the other indexes serve what `GET /audit` filters by. */
export const AUDIT_COLLECTION: CollectionSpec = {
  name: 'audit_logs',
  indexes: [
    { key: { eventId: 1 }, name: UNIQUE_EVENT, unique: true },
    { key: { actorId: 1, _id: -1 }, name: 'audit_logs_actor' },
    { key: { patientIds: 1, _id: -1 }, name: 'audit_logs_patient' },
    // A patient's access log goes by event id, which is the same before and after the relay.
    { key: { patientIds: 1, eventId: -1 }, name: 'audit_logs_patient_event' },
    { key: { kind: 1, _id: -1 }, name: 'audit_logs_kind' },
    { key: { occurredAt: 1 }, name: 'audit_logs_time' },
  ],
}
