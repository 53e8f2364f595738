import type { Generated } from 'kysely'
import type { AuditEvent } from '../database/audit-event'

/** Events wait here, written in the transaction of the change they record, until the relay moves them to MongoDB. */
export type AuditOutboxTable = AuditEvent & {
  /** The fixed id of the clinical write it records; null in all others, and in those of earlier versions. */
  writeId: Generated<string | null>
}

/** An event's position in the chain. */
export type Link = { seq: number; hash: string }

/** One row: the last event that was relayed, and the one that the chain in MongoDB begins after. */
export type AuditHeadTable = {
  id: Generated<number>
  seq: number
  hash: string
  startSeq: Generated<number>
  startHash: Generated<string>
}

/** Signed positions of the chain. Rows are never changed: a trigger refuses. */
export type AuditCheckpointsTable = { seq: number; hash: string; createdAt: Date; signature: string }

export type AuditTables = {
  auditOutbox: AuditOutboxTable
  auditHead: AuditHeadTable
  auditCheckpoints: AuditCheckpointsTable
}
