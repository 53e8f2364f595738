import type { Generated } from 'kysely'
import type { Role } from '../auth/tables'

/** Create, read, update, delete, execute (HL7 AuditEvent.action). */
export type AuditAction = 'C' | 'R' | 'U' | 'D' | 'E'
/** `pending`: the write spans two databases and has not been settled yet; the relay leaves it where it is. */
export type AuditOutcome = 'pending' | 'success' | 'denied' | 'error'
/** Why health data was touched (HL7 PurposeOfUse); `emergency` is access by breaking the glass. */
export type AuditPurpose = 'patient_request' | 'treatment' | 'operations' | 'emergency'

/** Events wait here, written with the change they tell of, until the relay has moved them to MongoDB. Ids only. */
export type AuditOutboxTable = {
  id: string
  occurredAt: Date
  kind: string
  action: AuditAction
  outcome: AuditOutcome
  actorId: string | null
  actorRole: Role | null
  purpose: AuditPurpose | null
  patientIds: string[]
  targetId: string | null
  requestId: string
  ip: string | null
  detail: Record<string, string | number | boolean> | null
  /** The fixed id of the clinical write it tells of; null in all others, and in those of earlier versions. */
  writeId: Generated<string | null>
}

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
