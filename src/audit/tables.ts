import type { Generated } from 'kysely'
import type { AuditEvent } from '../database/audit-event'

/** The outbox: events are written in the transaction of the change they record, and the relay moves them to MongoDB. */
export type AuditOutboxTable = AuditEvent & {
  /** The fixed id of the clinical write that it records; null for all other events. */
  writeId: Generated<string | null>
}

/** An event's position in the chain. */
export type ChainLink = { seq: number; hash: string }

/** One row: the last relayed event, and the event after which the chain in MongoDB begins. */
export type AuditHeadTable = {
  id: Generated<number>
  seq: number
  hash: string
  startSeq: Generated<number>
  startHash: Generated<string>
}

/** Signed positions of the chain. A trigger refuses to change rows. */
export type AuditCheckpointsTable = { seq: number; hash: string; createdAt: Date; signature: string }

export type AuditTables = {
  auditOutbox: AuditOutboxTable
  auditHead: AuditHeadTable
  auditCheckpoints: AuditCheckpointsTable
}
