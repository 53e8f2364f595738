import { NOT_TOMBSTONE } from '../../database/clinical-writes/insert'
import { fileStore } from '../../database/file-store'
import type { Mongo } from '../../database/mongo'
import { medicalRecords } from '../collections'
import { FILES, type Upload, uploads } from './collections'

export const attachmentFiles = (mongo: Mongo) => fileStore(mongo, FILES)

export async function insertUpload(mongo: Mongo, upload: Upload): Promise<void> {
  await uploads(mongo).insertOne(upload)
}

export async function deleteUpload(mongo: Mongo, fileId: string): Promise<void> {
  await uploads(mongo).deleteOne({ _id: fileId })
}

/** The oldest first. */
export function listUploads(mongo: Mongo, before: Date, limit: number): Promise<Upload[]> {
  return uploads(mongo)
    .find({ startedAt: { $lt: before } })
    .sort({ startedAt: 1 })
    .limit(limit)
    .toArray()
}

/** The record that has it, with nothing but this attachment and whose it is. */
export function findRecordOfAttachment(mongo: Mongo, id: string) {
  const projection = { patientId: 1, doctorId: 1, createdAt: 1, attachments: { $elemMatch: { id } } }
  return medicalRecords(mongo).findOne({ 'attachments.id': id, ...NOT_TOMBSTONE }, { projection, maxTimeMS: 5_000 })
}

/** Those of a patient's records that were written by `until`. */
export async function* listFileIds(mongo: Mongo, patientId: string, until: Date): AsyncGenerator<string> {
  const filter = { patientId, createdAt: { $lte: until }, 'attachments.0': { $exists: true } }
  for await (const { attachments = [] } of medicalRecords(mongo).find(filter, { projection: { attachments: 1 } }))
    for (const { fileId } of attachments) yield fileId
}
