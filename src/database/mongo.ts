import {
  type Collection,
  type Db,
  type Document,
  type IndexDescription,
  MongoClient,
  type MongoClientOptions,
  MongoServerError,
} from 'mongodb'
import { type Config, ConfigError } from '../config'
import { explainMongo, type MongoAddress } from './explain-mongo'

export type CollectionSpec = { name: string; validator?: Document; indexes: IndexDescription[] }

/** `setting` is the name of the setting that holds the URI. */
type Settings = Omit<Config['mongo'], 'maintenanceUri'> & { setting: string }

export type Mongo = {
  client: MongoClient
  db: Db
  address: MongoAddress
  /** `id` columns of clinical documents are UUID strings in `_id`. */
  collection<T extends Document>(name: string): Collection<T>
  /** Resolves once collections, validators and indexes exist; costs nothing after that. Fails while MongoDB is down. */
  ready(): Promise<void>
  close(): Promise<void>
}

/**
 * The shared client. It connects on first use and reconnects by itself, so the API starts and books without MongoDB.
 * Without a server an operation fails after 3 s, or after the timeout in the URI. A write is acknowledged once a
 * majority has it in the journal.
 */
export function openMongo(config: Settings, collections: CollectionSpec[]): Mongo {
  const client = createClient(config)
  client.on('error', () => {})
  const db = client.db(config.database)
  const { hosts, srvHost } = client.options
  let prepared: Promise<void> | undefined
  return {
    client,
    db,
    address: { hosts: srvHost ?? hosts.join(', '), setting: config.setting },
    collection: (name) => db.collection(name),
    ready() {
      prepared ??= ensureCollections(db, collections).catch((error) => {
        prepared = undefined
        throw error
      })
      return prepared
    },
    close: () => client.close(),
  }
}

const optionsFor = (config: Settings): MongoClientOptions => ({
  ...timeoutsFor(config.uri),
  maxPoolSize: config.poolSize,
  retryWrites: false,
  writeConcern: { w: 'majority', journal: true, wtimeoutMS: 5_000 },
  appName: 'clinic-api',
  // With the default `{}`, bson 7 returns as bytes the items of an array that has the name of an inherited property,
  // like `constructor`.
  fieldsAsRaw: Object.create(null),
})

function createClient(config: Settings): MongoClient {
  try {
    return new MongoClient(config.uri, optionsFor(config))
  } catch {
    // The driver's message may quote the address with its password.
    throw new ConfigError(
      `${config.setting} is not a usable connection string: percent-encode the special characters in its password, and check its options.`,
    )
  }
}

const TIMEOUTS = {
  serverSelectionTimeoutMS: 3_000,
  connectTimeoutMS: 3_000,
  socketTimeoutMS: 10_000,
  waitQueueTimeoutMS: 3_000,
}

/** Leaves out the timeouts that the URI sets: for the driver, an option would win over the URI. */
const timeoutsFor = (uri: string) =>
  Object.fromEntries(Object.entries(TIMEOUTS).filter(([name]) => !uri.toLowerCase().includes(`${name.toLowerCase()}=`)))

const NAMESPACE_EXISTS = 48

/**
 * Creates collections with their validators and indexes; repeating it changes nothing. The validator of an existing
 * collection stays as it is: each accepts documents of a later `schemaVersion`, so it need not change.
 */
async function ensureCollections(db: Db, collections: CollectionSpec[]): Promise<void> {
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

/**
 * Calls `ready()` until it has worked or `signal` aborts; never fails and keeps no process alive. `report` gets a sentence
 * for the operator when the reason of a failure is another one than before.
 */
export async function prepareMongo(
  { ready, address }: Pick<Mongo, 'ready' | 'address'>,
  signal: AbortSignal,
  report: (reason: string) => void,
  pauseMs = PREPARE_AGAIN_MS,
): Promise<void> {
  let reported: string | undefined
  while (!signal.aborted) {
    try {
      return await ready()
    } catch (error) {
      const reason = explainMongo(error, address)
      if (reason !== reported && !signal.aborted) report(reason)
      reported = reason
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs)
        // In Node and Bun a timer is an object and keeps the process alive.
        if (typeof timer === 'object') timer.unref()
      })
    }
  }
}
