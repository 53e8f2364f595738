import { createHash } from 'node:crypto'
import { GridFSBucket, ObjectId, ReadPreference } from 'mongodb'
import type { CollectionSpec, Mongo } from './mongo'

/** `size` in bytes, `sha256` in hexadecimal. */
export type StoredFile = { size: number; sha256: string }

/** The two collections of a GridFS bucket, with the indexes that GridFS requires. */
export const fileCollections = (bucket: string): CollectionSpec[] => [
  { name: `${bucket}.files`, indexes: [{ key: { filename: 1, uploadDate: 1 }, name: 'filename_1_uploadDate_1' }] },
  { name: `${bucket}.chunks`, indexes: [{ key: { files_id: 1, n: 1 }, name: 'files_id_1_n_1', unique: true }] },
]

export const newFileId = (): string => new ObjectId().toHexString()

/**
 * Files in GridFS, written and read in pieces of 255 KiB to use little memory. An incomplete file has chunks but no
 * entry, so it cannot be read; `remove` deletes such chunks too.
 */
export function fileStore(mongo: Mongo, bucketName: string) {
  const bucket = new GridFSBucket(mongo.db, {
    bucketName,
    readPreference: ReadPreference.primary,
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
  })

  return {
    /** Stores the content under a new id. If that fails, it removes what was stored. */
    async put(id: string, content: AsyncIterable<Uint8Array>): Promise<StoredFile> {
      const hash = createHash('sha256')
      const file = bucket.openUploadStreamWithId(new ObjectId(id), id)
      // The step that fails rejects; without a listener the event would end the process.
      file.on('error', () => {})
      try {
        for await (const piece of content) {
          hash.update(piece)
          await settled((done) => file.write(piece, done))
        }
        await settled((done) => file.end(done))
      } catch (error) {
        await this.remove(id)
        throw error
      }
      return { size: file.length, sha256: hash.digest('hex') }
    },

    /** Yields the content. Throws before the last piece if the content does not match `sha256`. */
    async *read(id: string, sha256: string): AsyncGenerator<Uint8Array, void, void> {
      const hash = createHash('sha256')
      let held: Uint8Array | undefined
      for await (const piece of bucket.openDownloadStream(new ObjectId(id)) as AsyncIterable<Uint8Array>) {
        hash.update(piece)
        if (held) yield held
        held = piece
      }
      if (hash.digest('hex') !== sha256) throw new Error('a stored file does not match its SHA-256')
      if (held) yield held
    },

    /** Deletes the file, complete or not. */
    async remove(id: string): Promise<void> {
      await mongo.db.collection(`${bucketName}.files`).deleteOne({ _id: new ObjectId(id) })
      await mongo.db.collection(`${bucketName}.chunks`).deleteMany({ files_id: new ObjectId(id) })
    },
  }
}

const settled = (step: (done: (error?: Error | null) => void) => void) =>
  new Promise<void>((resolve, reject) => step((error) => (error ? reject(error) : resolve())))
