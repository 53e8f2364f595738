import { auditEvent } from '../../database/audit-event'
import { appendAuditEvent } from '../../database/audit-outbox'
import { inTransaction } from '../../database/transaction'
import type { Deps } from '../../deps'
import { deleteAttachmentFiles } from '../../records/attachments/service'
import { systemRequest } from '../../system-context'
import { deleteDocumentsUntil, hasDocuments, listErasedPatients, markRecordsDeleted } from './queries'

type RetentionDeps = Pick<Deps, 'db' | 'postgres' | 'mongo' | 'config' | 'clock'>

/**
 * The only code that deletes clinical documents: those of erased patients, when the newest document and the last
 * appointment are older than RECORDS_RETENTION. Returns the number of patients. Any number of copies may call it; after a
 * crash the next call continues.
 */
export async function deleteExpiredRecords(deps: RetentionDeps): Promise<number> {
  const now = deps.clock()
  const until = new Date(now.getTime() - deps.config.recordsRetentionSeconds * 1000)
  const patients = await listErasedPatients(deps.db, until)
  if (patients.length > 0) await deps.mongo.ready()
  let deleted = 0
  for (const { id } of patients) {
    if (await hasDocuments(deps.mongo, id, until)) continue
    // Files first: only the documents name them.
    await deleteAttachmentFiles(deps.mongo, id, until)
    await deleteDocumentsUntil(deps.mongo, id, until)
    if (await markDeleted(deps, id, now)) deleted++
  }
  return deleted
}

/** Audits the deletion once: only for the copy that sets the mark first. */
function markDeleted(deps: RetentionDeps, id: string, now: Date): Promise<boolean> {
  return inTransaction(deps, async ({ db }) => {
    if (!(await markRecordsDeleted(db, id, now))) return false
    const request = systemRequest('retention', now)
    await appendAuditEvent(db, auditEvent(request, { kind: 'record.expire', action: 'D' }, { patientIds: [id] }))
    return true
  })
}
