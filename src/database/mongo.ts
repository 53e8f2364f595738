import { type Collection, type Db, type Document, MongoClient } from 'mongodb'
import type { Config } from '../config'

export type Mongo = {
  client: MongoClient
  db: Db
  /** `id` columns of clinical documents are UUID strings in `_id`. */
  collection<T extends Document>(name: string): Collection<T>
  close(): Promise<void>
}

/**
 * The one shared client. It connects when first used and again by itself, so the API starts and books without MongoDB;
 * an operation fails after at most 3 s when no server answers. Writes are acknowledged by a majority, from the journal.
 */
export function openMongo(config: Config['mongo']): Mongo {
  const client = new MongoClient(config.uri, {
    maxPoolSize: config.poolSize,
    serverSelectionTimeoutMS: 3_000,
    connectTimeoutMS: 3_000,
    socketTimeoutMS: 10_000,
    waitQueueTimeoutMS: 3_000,
    retryWrites: false,
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
    appName: 'clinic-api',
  })
  client.on('error', () => {})
  const db = client.db(config.database)
  return { client, db, collection: (name) => db.collection(name), close: () => client.close() }
}
