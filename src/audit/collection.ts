import type { Collection } from 'mongodb'
import type { CollectionSpec, Mongo } from '../database/mongo'

/**
 * One event of the audit trail, linked to the event before it; `_id` counts from 1 without gaps, in the order of the relay.
 * `bytes` holds the whole event as JSON (see chain.ts); the other fields repeat parts of it for indexes.
 */
export type AuditLog = {
  _id: number
  /** The id of its outbox row. */
  eventId: string
  occurredAt: Date
  kind: string
  actorId: string | null
  patientIds: string[]
  /** Hash of the event before it. */
  prev: string
  /** SHA-256, in hexadecimal, of `prev` and `bytes`, both as UTF-8. */
  hash: string
  bytes: string
}

/**
 * Reads see only what a majority of members has journaled: otherwise the relay could delete an outbox row whose event
 * MongoDB rolls back later.
 */
export const auditLogs = (mongo: Mongo): Collection<AuditLog> =>
  mongo.db.collection<AuditLog>(AUDIT_COLLECTION.name, {
    readConcern: { level: 'majority' },
    readPreference: 'primary',
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
  })

export const UNIQUE_EVENT = 'audit_logs_event'

/** A document that was found after the head and does not continue the chain: kept, searched, but not part of the trail. */
export type AsideLog = Omit<AuditLog, '_id'> & { _id: string; seq: number; asideAt: Date }

export const ASIDE_COLLECTION: CollectionSpec = {
  name: 'audit_logs_aside',
  indexes: [{ key: { patientIds: 1, eventId: -1 }, name: 'audit_logs_aside_patient_event' }],
}

export const auditLogsAside = (mongo: Mongo): Collection<AsideLog> =>
  mongo.db.collection<AsideLog>(ASIDE_COLLECTION.name, {
    readPreference: 'primary',
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
  })

/** The unique index stores each event once; the others serve the filters of `GET /audit` and the access log. */
export const AUDIT_COLLECTION: CollectionSpec = {
  name: 'audit_logs',
  indexes: [
    { key: { eventId: 1 }, name: UNIQUE_EVENT, unique: true },
    { key: { actorId: 1, _id: -1 }, name: 'audit_logs_actor' },
    { key: { patientIds: 1, _id: -1 }, name: 'audit_logs_patient' },
    // The access log is ordered by event id, which is the same before and after the relay.
    { key: { patientIds: 1, eventId: -1 }, name: 'audit_logs_patient_event' },
    { key: { kind: 1, _id: -1 }, name: 'audit_logs_kind' },
    { key: { occurredAt: 1 }, name: 'audit_logs_time' },
  ],
}
