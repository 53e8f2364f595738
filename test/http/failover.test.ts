import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../db/embedded/postgres'
import { migrate } from '../../db/migrate'
import { createAccounts, openCopy, patientBody } from '../auth/accounts'
import { createTestApp } from '../support/app'
import { putCluster } from '../support/cluster'
import { createDatabases } from '../support/databases'
import { runFolder } from '../support/run-folder'
import { switchingProxy } from '../support/switching-proxy'
import { until } from '../support/until'

setDefaultTimeout(60_000)
const folder = mkdtempSync(join(runFolder(), 'failover-'))
chmodSync(folder, 0o755)
const start = (name: string) => startEmbeddedPostgres({ directory: join(folder, name), ephemeral: true })

await putCluster(join(folder, 'first'))
const primary = await start('first')
await migrate(primary)
const proxy = await switchingProxy(primary)
const t = await createTestApp({
  MONGODB_URI: (await createDatabases()).environment.MONGODB_URI,
  POSTGRESQL_HOST: '127.0.0.1',
  POSTGRESQL_PORT: `${proxy.port}`,
  POSTGRESQL_USER: primary.user,
  POSTGRESQL_PASSWORD: primary.password,
  POSTGRESQL_DATABASE: primary.database,
})
const { newAccount, signIn, withToken } = createAccounts(t)
const { email } = await newAccount()
await primary.stop()
const [first, second] = await startTwins()
afterAll(() => Promise.all([first.stop(), second.stop()]))

/** Two servers with the same data, like a primary and the replica that takes over from it. */
async function startTwins(): Promise<[EmbeddedPostgres, EmbeddedPostgres]> {
  mkdirSync(join(folder, 'second'))
  const copying = Bun.spawn(['cp', '-a', join(folder, 'first', 'data'), join(folder, 'second', 'data')])
  expect(await copying.exited).toBe(0)
  return await Promise.all([start('first'), start('second')])
}

/** Runs statements on a server itself, around the proxy. */
async function administer({ host, port, user, password, database }: EmbeddedPostgres, ...statements: string[]) {
  const client = new pg.Client({ host, port, user, password, database })
  await client.connect()
  await client.query('set default_transaction_read_only = off')
  const results = []
  for (const statement of statements) results.push(await client.query(statement))
  await client.end()
  return results.at(-1)!.rows
}

const other = openCopy(t)
const { pool } = t.deps.postgres
const isReadOnly = async () =>
  (await pool.query(`select current_setting('transaction_read_only') as value`)).rows[0].value === 'on'

test('in a failover writes are a 503 with Retry-After, and the API finds the new primary by itself', async () => {
  await until(async () => (await signIn(email)).status === 200)
  const { accessToken } = await until(async () => (await signIn(email)).body)
  await until(async () => (await withToken(accessToken).get('/auth/me')).status === 200)
  // Several connections are open.
  expect(await Promise.all(Array.from({ length: 6 }, async () => (await signIn(email)).status))).not.toContain(500)
  expect((await t.anonymous.get('/health/ready')).status).toBe(200)

  await administer(first, 'alter system set default_transaction_read_only = on', 'select pg_reload_conf()')
  await until(isReadOnly)
  const refused = [await signIn(email), await t.anonymous.post('/auth/register', patientBody())]
  const readiness = await t.anonymous.get('/health/ready')
  for (const { status, headers, body } of [...refused, readiness]) {
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'unavailable' })
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  expect(readiness.body.detail).toBe('PostgreSQL is read-only.')

  // Connections that have not been refused yet are still open to the first server.
  await Promise.all(Array.from({ length: 3 }, () => pool.query('select pg_sleep(0.05)')))
  const open = pool.totalCount
  expect(open).toBeGreaterThan(1)
  proxy.lead(second)
  const answers: number[] = []
  while (answers.at(-1) !== 200 && answers.length <= open) answers.push((await signIn(email)).status)
  expect(answers.at(-1)).toBe(200)
  expect(new Set(answers.slice(0, -1)).isSubsetOf(new Set([503]))).toBe(true)

  const registered = patientBody()
  await until(async () => (await t.anonymous.post('/auth/register', registered)).status === 201)
  await until(async () => (await t.anonymous.get('/health/ready')).status === 200)
  const find = `select 1 from users where email = '${registered.email}'`
  expect([await administer(first, find), await administer(second, find)]).toEqual([[], [{ '?column?': 1 }]])

  // The first server goes on, and its channel would never say that a session has ended on the second.
  const account = await newAccount()
  expect((await withToken(account.accessToken).get('/auth/me')).status).toBe(200)
  expect((await other.withToken(account.accessToken).post('/auth/logout')).status).toBe(204)
  await until(async () => (await withToken(account.accessToken).get('/auth/me')).status === 401)
})
