import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PostgresConnection } from '../migrate'
import { type DevelopmentDatabases, startDevelopmentDatabases } from './development-databases'
import { postgresUser, privateDirectory } from './directories'
import { lockDirectory } from './directory-lock'
import { assertDiskSpace } from './disk-space'
import { apiPort, type Environment, postgresConnection, refuseProduction, withoutBlanks } from './environment'
import { EmbeddedDatabaseError } from './error'
import { type OwnedProcess, startOwnedProcess } from './owned-process'
import { assertPortIsFree, isReady } from './port'
import { developmentSecrets } from './secrets'
import { shareEnvironment } from './shared-environment'

type Print = (line: string) => void

export type Run = {
  command: string[]
  /** The project's folder: data goes to `.data/` in it, and the command runs in it. */
  folder: string
  environment: Record<string, string | undefined>
  /** Stops the run in order: the command first, then the databases. */
  signal: AbortSignal
  print: Print
  migrate(connection: PostgresConnection, print: Print): Promise<void>
  /** Must be idempotent. Called until it succeeds once, and only when both databases are embedded. */
  seed(environment: Environment, print: Print): Promise<void>
}

/**
 * Starts both databases and runs a command with all settings of the API in its environment.
 * @returns the exit code
 * @throws EmbeddedDatabaseError
 */
export async function runWithDatabases(run: Run): Promise<number> {
  const { folder, signal, print } = run
  const given = withoutBlanks(run.environment)
  refuseProduction(given)
  const port = apiPort(given)
  const directory = dataDirectory(folder)
  await using started = new AsyncDisposableStack()
  const lock = lockDirectory(directory)
  started.defer(() => lock.release())
  if (!given.MONGODB_URI) assertDiskSpace(directory)
  // An API whose owner was killed may still be finishing its requests.
  await assertPortIsFree(port, { patience: lock.recovered ? 12_000 : 0 })

  print(`Starting with data in ${directory}`)
  const databases = await startDevelopmentDatabases(directory, given, print)
  started.defer(async () => {
    print('Stopping the databases')
    await databases.stop()
  })
  const secrets = developmentSecrets(directory)
  const environment = {
    NODE_ENV: 'development',
    PORT: `${port}`,
    ...secrets,
    // Registrations are not limited in a demo.
    ...(databases.ownData && { DEMO_DATA: 'on' }),
    ...given,
    ...databases.environment,
  }
  await fillDatabases(run, databases, environment)
  const shared = shareEnvironment(directory, environment, Object.keys({ ...secrets, ...databases.environment }))
  started.defer(shared.remove)
  signal.throwIfAborted()

  const api = startOwnedProcess({ command: run.command, stopSignal: 'TERM', grace: 10, env: environment, cwd: folder })
  api.ref()
  started.defer(async () => {
    if (api.exitCode() === undefined) print('Stopping the API')
    await api.stop()
  })
  void announce(api, port, databases, print)
  return await untilOver(api, databases, signal)
}

function dataDirectory(folder: string): string {
  const directory = privateDirectory(join(folder, '.data'))
  // PostgreSQL's user must be able to enter it.
  if (postgresUser) chmodSync(directory, 0o711)
  return directory
}

async function fillDatabases(run: Run, databases: DevelopmentDatabases, environment: Environment): Promise<void> {
  run.signal.throwIfAborted()
  const connection = postgresConnection(environment)
  if (environment.MIGRATE_ON_START !== 'off') {
    await run.migrate(connection, run.print).catch((error: { code?: string }) => {
      if (!['ECONNREFUSED', 'ENOTFOUND', 'ENOENT', 'ETIMEDOUT'].includes(error.code ?? '')) throw error
      const address = `${connection.host}:${connection.port}`
      throw new EmbeddedDatabaseError(
        `Cannot reach PostgreSQL at ${address} (${error.code}): start it, or unset POSTGRESQL_HOST for an embedded one.`,
      )
    })
  }
  run.signal.throwIfAborted()
  const seeded = databases.directories.map((place) => join(place, 'seeded'))
  if (!databases.ownData || seeded.every((file) => existsSync(file))) return
  run.print('Adding demo data')
  await run.seed(environment, run.print)
  for (const file of seeded) writeFileSync(file, '')
}

async function untilOver(api: OwnedProcess, databases: DevelopmentDatabases, signal: AbortSignal): Promise<number> {
  return await Promise.race([
    new Promise<number>((done) => signal.addEventListener('abort', () => done(0))),
    api.exited.then((code) => {
      if (code !== null || signal.aborted) return code ?? 1
      throw new EmbeddedDatabaseError(
        'The API was ended by a signal from outside (SIGKILL often means too little memory): start again.',
      )
    }),
    databases.ended.then((name) => {
      const logs = databases.directories.join(' or ')
      throw new EmbeddedDatabaseError(`${name} ended unexpectedly: see its log in ${logs}, then start again.`)
    }),
  ])
}

async function announce(api: OwnedProcess, port: number, databases: DevelopmentDatabases, print: Print): Promise<void> {
  while (!(await isReady(port))) {
    if (api.exitCode() !== undefined) return
    await Bun.sleep(50)
  }
  const accounts = ['admin', 'doctor', 'patient'].map((role) => `${role}@demo.clinic`).join(', ')
  print('')
  print(`  API       http://localhost:${port}`)
  print(`  Docs      http://localhost:${port}/docs`)
  if (databases.ownData) print(`  Accounts  ${accounts} (password: clinic-demo-2026)`)
  for (const place of databases.directories) print(`  Data      ${place}`)
  print('')
  print('Ctrl-C stops it all.')
}
