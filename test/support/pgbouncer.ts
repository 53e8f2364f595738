import { afterAll } from 'bun:test'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { postgresUser } from '../../db/embedded/directories'
import type { Connection } from '../../src/database/connection'
import { freePort } from './ports'
import { findProgram } from './programs'
import { runFolder } from './run-folder'
import { until } from './until'

export const pgbouncer = findProgram('pgbouncer', 'PostgreSQL behind a pooler')

/** PgBouncer with its defaults in front of `server`, until the test file ends. Returns the settings of the API for it. */
export async function startPgBouncer(server: Connection, mode: 'session' | 'transaction' | 'statement', more = '') {
  const folder = mkdtempSync(join(runFolder(), 'pgbouncer-'))
  const port = freePort()
  writeFileSync(join(folder, 'users.txt'), `"${server.user}" "${server.password}"\n`)
  const config = join(folder, 'pgbouncer.ini')
  writeFileSync(
    config,
    `[databases]
* = host=${server.host} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = trust
auth_file = ${join(folder, 'users.txt')}
pool_mode = ${mode}
${more}
`,
  )
  // It refuses to run as root.
  if (postgresUser) chownSync(folder, postgresUser.uid, postgresUser.gid)
  chmodSync(folder, 0o755)
  const child = Bun.spawn([pgbouncer!, config], { cwd: '/', stdio: ['ignore', 'ignore', 'ignore'], ...postgresUser })
  afterAll(async () => {
    child.kill('SIGKILL')
    await child.exited
    rmSync(folder, { recursive: true, force: true })
  })
  const connection = { ...server, host: '127.0.0.1', port }
  await until(() => answers(connection))
  return { POSTGRESQL_HOST: connection.host, POSTGRESQL_PORT: `${port}` }
}

async function answers({ host, port, user, password, database }: Connection): Promise<boolean> {
  const client = new pg.Client({ host, port, user, password, database })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => {})
  }
}
