import { rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Client } from 'pg'
import { postgresUser, socketDirectory } from './directories'
import { lockDirectory } from './directory-lock'
import { EmbeddedDatabaseError } from './error'
import { logTail, type OwnedProcess, rotateLog, startOwnedProcess } from './owned-process'
import { postgresBinaries } from './postgres-binaries'
import { awaitFormerServer, initialiseCluster, isServing } from './postgres-cluster'
import { postgresDirectory } from './postgres-directory'

export type EmbeddedPostgres = {
  host: string
  port: number
  user: string
  password: string
  database: string
  /** The folder of the data. It differs from the folder asked for when only root can enter that one. */
  directory: string
  /** Resolves when the server has ended, with its exit code; null after a signal. */
  exited: Promise<number | null>
  /** Idempotent. The same directory can be started again, with its data. */
  stop(): Promise<void>
}

type Options = {
  directory: string
  /** Faster, but not durable: for tests. The caller deletes the directory. */
  ephemeral?: boolean
  maxConnections?: number
  /** Further settings as in postgresql.conf. */
  settings?: Record<string, string>
}

const ephemeralSettings = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }
const startDeadline = 30_000

/**
 * Starts a real PostgreSQL 18 on a unix socket, with the data that the directory holds. It always ends with this process.
 * A durable database is called `clinic`, an ephemeral one `postgres`.
 * @throws EmbeddedDatabaseError
 */
export async function startEmbeddedPostgres(options: Options): Promise<EmbeddedPostgres> {
  const ephemeral = options.ephemeral ?? false
  const native = postgresBinaries()
  const directory = postgresDirectory(resolve(options.directory))
  const lock = lockDirectory(directory)
  try {
    const data = join(directory, 'data')
    await awaitFormerServer(data)
    await initialiseCluster(native, data, { durable: !ephemeral })
    const port = 5432
    const host = socketDirectory(directory, `.s.PGSQL.${port}.lock`, postgresUser)
    const settings = {
      listen_addresses: '',
      unix_socket_directories: host,
      port: `${port}`,
      timezone: 'UTC',
      max_connections: `${options.maxConnections ?? 100}`,
      ...(ephemeral ? ephemeralSettings : {}),
      ...options.settings,
    }
    const server = await startServer(native, directory, settings)
    const connection = { host, port, user: 'postgres', password: 'postgres' }
    const database = ephemeral ? 'postgres' : 'clinic'
    if (!ephemeral) await createDatabase(connection, database)
    return {
      ...connection,
      database,
      directory,
      exited: server.exited,
      async stop() {
        await server.stop()
        if (host !== directory) rmSync(host, { recursive: true, force: true })
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

async function startServer(native: string, directory: string, settings: Record<string, string>): Promise<OwnedProcess> {
  const data = join(directory, 'data')
  const log = join(directory, 'postgres.log')
  rotateLog(log)
  const server = startOwnedProcess({
    command: [
      join(native, 'bin', 'postgres'),
      ...['-D', data],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    stopSignal: 'INT',
    grace: 20,
    log,
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    user: postgresUser,
  })
  const started = Date.now()
  while (!isServing(data, server.pid)) {
    if (server.exitCode() !== undefined || Date.now() - started > startDeadline) {
      await server.stop()
      throw new EmbeddedDatabaseError(`PostgreSQL did not start; ${log} ends with:\n${logTail(log)}`)
    }
    await Bun.sleep(5)
  }
  return server
}

type Connection = { host: string; port: number; user: string; password: string }

async function createDatabase(connection: Connection, database: string): Promise<void> {
  const client = new Client({ ...connection, database: 'postgres' })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${client.escapeIdentifier(database)}`)
  } finally {
    await client.end()
  }
}
