import { rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'
import { migrate, type PostgresConnection } from '../../db/migrate'
import { putCluster } from './cluster'
import { runFolder } from './run-folder'

const TEMPLATE = 'clinic_template'
/** Databases that live for seconds need no autovacuum and no I/O worker processes. */
const SETTINGS: Record<string, string> = { autovacuum: 'off', io_method: 'sync' }

export type Databases = Awaited<ReturnType<typeof createDatabases>>

let started: ReturnType<typeof start> | undefined
let made = 0

/** Adds settings to the PostgreSQL that the first `createDatabases` starts. */
export const configurePostgres = (settings: Record<string, string>) => void Object.assign(SETTINGS, settings)

async function start() {
  const directory = runFolder()
  const [postgres, mongo] = await Promise.all([
    startPostgres(join(directory, 'postgres')),
    startEmbeddedMongo({ directory: join(directory, 'mongo'), ephemeral: true }),
  ])
  await administer(postgres, `create database ${TEMPLATE}`)
  await migrate({ ...postgres, database: TEMPLATE })
  return { directory, postgres, mongo }
}

async function startPostgres(directory: string) {
  await putCluster(directory)
  return await startEmbeddedPostgres({ directory, ephemeral: true, maxConnections: 300, settings: SETTINGS })
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
 * A migrated PostgreSQL database and a MongoDB database for the caller alone; both servers are shared and real. With
 * `template` PostgreSQL's is a copy of that database, to which nobody may be connected.
 */
export async function createDatabases(template = TEMPLATE) {
  started ??= start()
  const { postgres, mongo } = await started
  const name = newDatabaseName()
  await administer(postgres, `create database ${name} template ${template} strategy file_copy`)
  return {
    postgres: { ...postgres, database: name } as PostgresConnection,
    /** The settings that connect the API to both databases. */
    environment: {
      POSTGRESQL_HOST: postgres.host,
      POSTGRESQL_PORT: String(postgres.port),
      POSTGRESQL_USER: postgres.user,
      POSTGRESQL_PASSWORD: postgres.password,
      POSTGRESQL_DATABASE: name,
      MONGODB_URI: mongo.uri,
      MONGODB_MAINTENANCE_URI: mongo.uri,
      MONGODB_DATABASE: name,
    },
    mongoPid: mongo.pid,
    drop: () => administer(postgres, `drop database ${name} with (force)`),
  }
}

/** A unique name; MongoDB creates a database with the first write to it. */
export const newDatabaseName = () => `test_${process.pid}_${++made}`

export async function stopDatabases(): Promise<void> {
  if (!started) return
  const { directory, postgres, mongo } = await started
  await Promise.all([postgres.stop(), mongo.stop()])
  rmSync(directory, { recursive: true, force: true })
}
