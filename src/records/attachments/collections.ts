import { fileCollections } from '../../database/file-store'
import type { CollectionSpec, Mongo } from '../../database/mongo'

/** The GridFS bucket. */
export const FILES = 'attachments'
const UPLOADS = 'attachment_uploads'

/** A file that is being stored and is not known to be in its record yet; `_id` is the file's. */
export type Upload = { _id: string; patientId: string; recordId: string; startedAt: Date }

export const uploads = (mongo: Mongo) => mongo.collection<Upload>(UPLOADS)

export const ATTACHMENT_COLLECTIONS: CollectionSpec[] = [
  ...fileCollections(FILES),
  { name: UPLOADS, indexes: [{ key: { startedAt: 1 }, name: 'attachment_uploads_started' }] },
]
