import { rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'
import { migrate, type PostgresConnection } from '../../db/migrate'
import { runFolder } from './run-folder'

const TEMPLATE = 'clinic_template'
/** Databases that live for seconds need no housekeeping, and connections that do, no helpers. */
const SETTINGS = { autovacuum: 'off', io_method: 'sync' }

let started: ReturnType<typeof start> | undefined
/** Made while the file before still runs. */
let spare: Promise<string> | undefined
/** Of files that are over. */
const used: string[] = []
let made = 0

async function start() {
  const directory = runFolder()
  const [postgres, mongo] = await Promise.all([
    startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      ephemeral: true,
      maxConnections: 300,
      settings: SETTINGS,
    }),
    startEmbeddedMongo({ directory: join(directory, 'mongo'), ephemeral: true }),
  ])
  await administer(postgres, `create database ${TEMPLATE}`)
  await migrate({ ...postgres, database: TEMPLATE })
  return { directory, postgres, mongo }
}

async function administer(connection: PostgresConnection, statement: string): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres' })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

/**
 * A migrated PostgreSQL database and a MongoDB database of the caller's own; both servers are shared and real. `discard`
 * says that nobody will ask the one in PostgreSQL for anything any more.
 */
export async function createDatabases() {
  started ??= start()
  const { postgres, mongo } = await started
  const name = await (spare ?? cloneTemplate(postgres))
  spare = inBackground(cloneTemplate(postgres))
  for (const over of used.splice(0)) void inBackground(administer(postgres, `drop database ${over} with (force)`))
  return {
    postgres: { ...postgres, database: name } as PostgresConnection,
    mongoUri: mongo.uri,
    mongoDatabase: name,
    discard: () => void used.push(name),
  }
}

async function cloneTemplate(postgres: PostgresConnection): Promise<string> {
  const name = `test_${process.pid}_${++made}`
  await administer(postgres, `create database ${name} template ${TEMPLATE} strategy file_copy`)
  return name
}

/** Whoever waits for it is told what went wrong, if anybody does. */
function inBackground<T>(work: Promise<T>): Promise<T> {
  work.catch(() => {})
  return work
}

export async function stopDatabases(): Promise<void> {
  if (!started) return
  const { directory, postgres, mongo } = await started
  await spare?.catch(() => {})
  await Promise.all([postgres.stop(), mongo.stop()])
  rmSync(directory, { recursive: true, force: true })
}
