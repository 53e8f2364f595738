import { afterAll, expect, test } from 'bun:test'
import pg from 'pg'
import { createAccounts, patientBody } from '../auth/accounts'
import { until } from '../support/until'
import { createAppOnOwnServers } from './own-databases'

const t = await createAppOnOwnServers()
const admin = await t.newAdmin()
const { newAccount, signIn } = createAccounts(t)
const { host, port, user, password, database } = t.deps.config.postgres
const operator = new pg.Client({ host, port, user, password, database })
operator.on('error', () => {})
await operator.connect()
await operator.query(`set default_transaction_read_only = off`)
afterAll(() => operator.end())

/** As for a server that a failover has demoted. */
async function turnReadOnly(value: 'on' | 'off'): Promise<void> {
  await operator.query(`alter system set default_transaction_read_only = ${value}`)
  await operator.query('select pg_reload_conf()')
  const probe = () => t.deps.postgres.pool.query(`select current_setting('transaction_read_only') as value`)
  await until(async () => (await probe()).rows[0].value === value)
}

test('while PostgreSQL is read-only, writes are a 503 with Retry-After, the API is not ready, and it recovers by itself', async () => {
  const { email } = await newAccount()
  const clinic = { name: 'After the failover', timeZone: 'Europe/Berlin', currency: 'EUR' }
  const { pool } = t.deps.postgres
  await turnReadOnly('on')
  const answers = [
    await signIn(email),
    await t.anonymous.post('/auth/register', patientBody()),
    await t.as(admin).post('/clinics', clinic),
    await t.anonymous.get('/health/ready'),
  ]
  for (const { status, headers, body } of answers) {
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'unavailable' })
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  await until(() => pool.totalCount === 0)

  await turnReadOnly('off')
  expect((await signIn(email)).status).toBe(200)
  expect((await t.as(admin).post('/clinics', clinic)).status).toBe(201)
  expect((await t.anonymous.get('/health/ready')).status).toBe(200)
})
