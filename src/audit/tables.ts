import type { Generated } from 'kysely'
import type { Role } from '../auth/tables'

/** Create, read, update, delete, execute (HL7 AuditEvent.action). */
export type AuditAction = 'C' | 'R' | 'U' | 'D' | 'E'
/** `pending`: the write spans two databases and has not been settled yet; the relay leaves it where it is. */
export type AuditOutcome = 'pending' | 'success' | 'denied' | 'error'

/** Events wait here, written with the change they tell of, until the relay has moved them to MongoDB. Ids only. */
export type AuditOutboxTable = {
  id: string
  occurredAt: Date
  kind: string
  action: AuditAction
  outcome: AuditOutcome
  actorId: string | null
  actorRole: Role | null
  patientIds: string[]
  targetId: string | null
  requestId: string
  ip: string | null
  detail: Record<string, string | number | boolean> | null
}

/** One row: how many events have been relayed. */
export type AuditHeadTable = { id: Generated<number>; seq: number }

export type AuditTables = { auditOutbox: AuditOutboxTable; auditHead: AuditHeadTable }
