import { NOT_TOMBSTONE } from '../../database/clinical-writes/insert'
import { fileStore } from '../../database/file-store'
import type { Mongo } from '../../database/mongo'
import { medicalRecords } from '../collections'
import { FILES, type PendingUpload, pendingUploads } from './collections'

export const attachmentFiles = (mongo: Mongo) => fileStore(mongo, FILES)

export async function insertPendingUpload(mongo: Mongo, upload: PendingUpload): Promise<void> {
  await pendingUploads(mongo).insertOne(upload)
}

export async function deletePendingUpload(mongo: Mongo, fileId: string): Promise<void> {
  await pendingUploads(mongo).deleteOne({ _id: fileId })
}

/** Oldest first. */
export function listPendingUploads(mongo: Mongo, before: Date, limit: number): Promise<PendingUpload[]> {
  return pendingUploads(mongo)
    .find({ startedAt: { $lt: before } })
    .sort({ startedAt: 1 })
    .limit(limit)
    .toArray()
}

/** The record with this attachment: only its ids, its time and this one attachment. */
export function findRecordOfAttachment(mongo: Mongo, id: string) {
  const projection = { patientId: 1, doctorId: 1, createdAt: 1, attachments: { $elemMatch: { id } } }
  return medicalRecords(mongo).findOne({ 'attachments.id': id, ...NOT_TOMBSTONE }, { projection, maxTimeMS: 5_000 })
}

/** File ids of all attachments of the patient's records that were created until `until`. */
export async function* listFileIds(mongo: Mongo, patientId: string, until: Date): AsyncGenerator<string> {
  const filter = { patientId, createdAt: { $lte: until }, 'attachments.0': { $exists: true } }
  for await (const { attachments = [] } of medicalRecords(mongo).find(filter, { projection: { attachments: 1 } }))
    for (const { fileId } of attachments) yield fileId
}
