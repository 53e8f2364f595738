import { fileCollections } from '../../database/file-store'
import type { CollectionSpec, Mongo } from '../../database/mongo'

/** The GridFS bucket. */
export const FILES = 'attachments'
const UPLOADS = 'attachment_uploads'

/** A file in GridFS that its record does not name yet, for the sweeper; `_id` is the file's id. */
export type PendingUpload = { _id: string; patientId: string; recordId: string; startedAt: Date }

export const pendingUploads = (mongo: Mongo) => mongo.collection<PendingUpload>(UPLOADS)

export const ATTACHMENT_COLLECTIONS: CollectionSpec[] = [
  ...fileCollections(FILES),
  { name: UPLOADS, indexes: [{ key: { startedAt: 1 }, name: 'attachment_uploads_started' }] },
]
