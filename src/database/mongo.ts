import { type Collection, type Db, type Document, type IndexDescription, MongoClient, MongoServerError } from 'mongodb'
import type { Config } from '../config'

export type CollectionSpec = { name: string; validator?: Document; indexes: IndexDescription[] }

export type Mongo = {
  client: MongoClient
  db: Db
  /** `id` columns of clinical documents are UUID strings in `_id`. */
  collection<T extends Document>(name: string): Collection<T>
  /** Resolves once collections, validators and indexes are there; costs nothing after that. Fails while MongoDB is down. */
  ready(): Promise<void>
  close(): Promise<void>
}

/**
 * The one shared client. It connects when first used and again by itself, so the API starts and books without MongoDB;
 * an operation fails after at most 3 s when no server answers, or as the address says. Writes are acknowledged by a majority, from the journal.
 */
export function openMongo(config: Config['mongo'], collections: CollectionSpec[]): Mongo {
  const client = new MongoClient(config.uri, {
    ...patienceOf(config.uri),
    maxPoolSize: config.poolSize,
    retryWrites: false,
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
    appName: 'clinic-api',
    // With the default `{}`, bson 7 gives back as bytes what is in an array whose name every object inherits, like `constructor`.
    fieldsAsRaw: Object.create(null),
  })
  client.on('error', () => {})
  const db = client.db(config.database)
  let made: Promise<void> | undefined
  return {
    client,
    db,
    collection: (name) => db.collection(name),
    ready() {
      made ??= ensureMongo(db, collections).catch((error) => {
        made = undefined
        throw error
      })
      return made
    },
    close: () => client.close(),
  }
}

const PATIENCE = {
  serverSelectionTimeoutMS: 3_000,
  connectTimeoutMS: 3_000,
  socketTimeoutMS: 10_000,
  waitQueueTimeoutMS: 3_000,
}

/** The address may name others; the driver would let an option win over it. */
const patienceOf = (uri: string) =>
  Object.fromEntries(Object.entries(PATIENCE).filter(([name]) => !uri.toLowerCase().includes(`${name.toLowerCase()}=`)))

const NAMESPACE_EXISTS = 48

/**
 * Makes collections with their validators, and indexes; repeating it changes nothing. The validator of a collection that
 * exists stays as it is: each lets documents of a later `schemaVersion` through, so that it need not change.
 */
async function ensureMongo(db: Db, collections: CollectionSpec[]): Promise<void> {
  for (const { name, validator, indexes } of collections) {
    try {
      await db.createCollection(name, { validator })
    } catch (error) {
      if (!(error instanceof MongoServerError && error.code === NAMESPACE_EXISTS)) throw error
    }
    await db.collection(name).createIndexes(indexes)
  }
}

const PREPARE_AGAIN_MS = 5_000

/** Calls `ready()` until it has worked or `signal` aborts; never fails and keeps no process alive. */
export async function prepareMongo(mongo: Pick<Mongo, 'ready'>, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await mongo.ready()
    } catch {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, PREPARE_AGAIN_MS)
        // Node's and Bun's timers; elsewhere a timer keeps nothing alive.
        if (typeof timer === 'object') timer.unref()
      })
    }
  }
}
