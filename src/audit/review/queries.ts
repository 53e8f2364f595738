import type { Mongo } from '../../database/mongo'
import { type AuditLog, auditLogs } from '../collection'

export function findLog(mongo: Mongo, seq: number): Promise<AuditLog | null> {
  return auditLogs(mongo).findOne({ _id: seq }, { maxTimeMS: 5_000 })
}
