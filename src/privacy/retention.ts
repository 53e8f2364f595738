import { auditEvent } from '../database/audit-event'
import { appendAuditEvent } from '../database/audit-outbox'
import { inTransaction } from '../database/transaction'
import type { Deps } from '../deps'
import { deleteAttachmentFiles } from '../records/attachments/service'
import { systemRequest } from '../system-context'
import { deleteDocumentsUntil, hasDocuments, listErasedPatients, markRecordsDeleted } from './retention-queries'

type RetentionDeps = Pick<Deps, 'db' | 'postgres' | 'mongo' | 'config' | 'clock'>

/**
 * The only thing that ever deletes clinical documents: those of erased patients, once the last of them and the last visit
 * are older than RECORDS_RETENTION. Gives of how many patients. Any number of copies may call it at any time; after a crash
 * it takes up where it was.
 */
export async function deleteExpiredRecords(deps: RetentionDeps): Promise<number> {
  const now = deps.clock()
  const until = new Date(now.getTime() - deps.config.recordsRetentionSeconds * 1000)
  const patients = await listErasedPatients(deps.db, until)
  if (patients.length > 0) await deps.mongo.ready()
  let deleted = 0
  for (const { id } of patients) {
    if (await hasDocuments(deps.mongo, id, until)) continue
    // The documents last: they say which files are theirs.
    await deleteAttachmentFiles(deps.mongo, id, until)
    await deleteDocumentsUntil(deps.mongo, id, until)
    if (await markDeleted(deps, id, now)) deleted++
  }
  return deleted
}

/** On record once, by whichever copy comes first. */
function markDeleted(deps: RetentionDeps, id: string, now: Date): Promise<boolean> {
  return inTransaction(deps, async ({ db }) => {
    if (!(await markRecordsDeleted(db, id, now))) return false
    const request = systemRequest('retention', now)
    await appendAuditEvent(db, auditEvent(request, { kind: 'record.expire', action: 'D' }, { patientIds: [id] }))
    return true
  })
}
