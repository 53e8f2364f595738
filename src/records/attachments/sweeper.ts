import { findOrBlockEntry } from '../../database/clinical-writes/append'
import type { Deps } from '../../deps'
import { ATTACHMENTS } from '../collections'
import { attachmentFiles, deletePendingUpload, listPendingUploads } from './queries'

/** Above the time limit of an upload, so that no running one is removed. */
const MIN_AGE_MS = 3_600_000
const BATCH = 100

/**
 * Removes files of abandoned uploads, stored fully or in part. A tombstone in the record blocks the file's id, so that no
 * late write can still attach it. Returns how many uploads were checked; any number of copies may call it.
 */
export async function sweepUploads({ mongo, clock }: Pick<Deps, 'mongo' | 'clock'>): Promise<number> {
  const abandoned = await listPendingUploads(mongo, new Date(clock().getTime() - MIN_AGE_MS), BATCH)
  for (const { _id: fileId, recordId, patientId } of abandoned) {
    const state = await findOrBlockEntry(mongo, ATTACHMENTS, { id: recordId, patientId }, ['fileId', fileId])
    if (state === 'blocked') await attachmentFiles(mongo).remove(fileId)
    await deletePendingUpload(mongo, fileId)
  }
  return abandoned.length
}
