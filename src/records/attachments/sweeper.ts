import { findOrBlockEntry } from '../../database/clinical-writes/append'
import type { Deps } from '../../deps'
import { ATTACHMENTS } from '../collections'
import { attachmentFiles, deleteUpload, listUploads } from './queries'

/** No upload takes this long. */
const PATIENCE_MS = 3_600_000
const BATCH = 100

/**
 * Takes away files that were stored and never came to be in a record, or only in part. A record that does not have one by
 * now never will: its id is void there. Gives how many uploads were looked at; any number of copies may call it.
 */
export async function sweepUploads({ mongo, clock }: Pick<Deps, 'mongo' | 'clock'>): Promise<number> {
  const abandoned = await listUploads(mongo, new Date(clock().getTime() - PATIENCE_MS), BATCH)
  for (const { _id: fileId, recordId, patientId } of abandoned) {
    const state = await findOrBlockEntry(mongo, ATTACHMENTS, { id: recordId, patientId }, ['fileId', fileId])
    if (state === 'blocked') await attachmentFiles(mongo).remove(fileId)
    await deleteUpload(mongo, fileId)
  }
  return abandoned.length
}
