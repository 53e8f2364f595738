import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'
import { migrate, type PostgresConnection } from '../../db/migrate'

const TEMPLATE = 'clinic_template'

let started: ReturnType<typeof start> | undefined
/** Made while the file before still runs. */
let spare: Promise<string> | undefined
let made = 0

async function start() {
  const directory = mkdtempSync(join(tmpdir(), 'clinic-test-'))
  removeAfterUs(directory)
  const [postgres, mongo] = await Promise.all([
    startEmbeddedPostgres({ directory: join(directory, 'postgres'), ephemeral: true, maxConnections: 300 }),
    startEmbeddedMongo({ directory: join(directory, 'mongo'), ephemeral: true }),
  ])
  await administer(postgres, `create database ${TEMPLATE}`)
  await migrate({ ...postgres, database: TEMPLATE })
  return { directory, postgres, mongo }
}

// Collecting it would close its pipe.
let janitor: Bun.Subprocess<'pipe', 'ignore', 'ignore'> | undefined

/** However this process ends: kill -9 and the end of a worker leave no time to tidy up. */
function removeAfterUs(directory: string): void {
  const script = 'while read -r _; do :; done; n=50; until rm -rf "$1" || [ $((n -= 1)) = 0 ]; do sleep 0.2; done'
  janitor = Bun.spawn(['/bin/sh', '-c', script, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  janitor.unref()
}

async function administer(connection: PostgresConnection, statement: string): Promise<void> {
  const client = new pg.Client({ ...connection, database: 'postgres' })
  await client.connect()
  await client.query(statement)
  await client.end()
}

/** A migrated PostgreSQL database and a MongoDB database of the caller's own; both servers are shared and real. */
export async function createDatabases() {
  started ??= start()
  const { postgres, mongo } = await started
  const name = await (spare ?? cloneTemplate(postgres))
  spare = cloneTemplate(postgres)
  return { postgres: { ...postgres, database: name } as PostgresConnection, mongoUri: mongo.uri, mongoDatabase: name }
}

function cloneTemplate(postgres: PostgresConnection): Promise<string> {
  const name = `test_${process.pid}_${++made}`
  const cloned = administer(postgres, `create database ${name} template ${TEMPLATE}`).then(() => name)
  // Whoever takes it is told what went wrong, if anybody does.
  cloned.catch(() => {})
  return cloned
}

export async function stopDatabases(): Promise<void> {
  if (!started) return
  const { directory, postgres, mongo } = await started
  await spare?.catch(() => {})
  await Promise.all([postgres.stop(), mongo.stop()])
  rmSync(directory, { recursive: true, force: true })
}
