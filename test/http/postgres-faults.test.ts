import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import pg from 'pg'
import { asUnavailable } from '../../src/database/constraints'
import { openPostgres } from '../../src/database/postgres'
import { until } from '../support/until'
import { createAppOnOwnServers } from './own-databases'

const t = await createAppOnOwnServers({ POSTGRESQL_POOL_SIZE: '4' })
const admin = await t.newAdmin()
const { pool } = t.deps.postgres

/** A connection outside the app's pool. */
async function connect(): Promise<pg.Client> {
  const { host, port, user, password, database } = t.deps.config.postgres
  const client = new pg.Client({ host, port, user, password, database })
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Locks a clinic's row while `meanwhile` runs: transactions that change the clinic have to wait. */
async function holding<T>(clinicId: string, meanwhile: () => Promise<T>): Promise<T> {
  const holder = await connect()
  await holder.query('begin')
  await holder.query('select 1 from clinics where id = $1 for update', [clinicId])
  try {
    return await meanwhile()
  } finally {
    await holder.query('rollback')
    await holder.end()
  }
}

/** Waits until `count` transactions wait for a lock, then terminates their connections. */
async function cutWaiting(count: number): Promise<void> {
  const observer = await connect()
  const waiting = `select pid from pg_stat_activity where wait_event_type = 'Lock'`
  const rows = await until(async () => {
    const { rows } = await observer.query<{ pid: number }>(waiting)
    return rows.length < count ? undefined : rows
  })
  for (const { pid } of rows) await observer.query('select pg_terminate_backend($1)', [pid])
  await observer.end()
}

describe('a connection cut inside a transaction', () => {
  test('a connection cut inside a transaction is a retryable 503, and nothing of the transaction is kept', async () => {
    const { id } = await t.newClinic()
    const key = { headers: { 'idempotency-key': 'cut-in-the-middle' } }
    const cut = await holding(id, async () => {
      const pending = t.as(admin).patch(`/clinics/${id}`, { name: 'Renamed' }, key)
      await cutWaiting(1)
      return pending
    })
    expect(cut).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(cut.headers.get('retry-after')).toBe('2')
    expect(await t.as(admin).patch(`/clinics/${id}`, { name: 'Renamed' }, key)).toMatchObject({
      status: 200,
      body: { name: 'Renamed' },
    })
    const changes = t.db.selectFrom('auditOutbox').select('kind').where('targetId', '=', id)
    expect(await changes.where('outcome', '=', 'success').execute()).toEqual([{ kind: 'clinic.update' }])
  })

  test('a connection cut inside a transaction never returns to the pool', async () => {
    const { id } = await t.newClinic()
    await holding(id, async () => {
      const pending = Array.from({ length: 3 }, () => t.as(admin).patch(`/clinics/${id}`, { name: 'Cut' }))
      await cutWaiting(3)
      expect((await Promise.all(pending)).map(({ status }) => status)).toEqual([503, 503, 503])
    })
    const clients = await Promise.all(Array.from({ length: 4 }, () => pool.connect()))
    const states = clients.map((client) =>
      (client as unknown as { getTransactionStatus(): string }).getTransactionStatus(),
    )
    for (const client of clients) client.release()
    expect(new Set([...states, 'I'])).toEqual(new Set(['I']))
    expect((await t.as(admin).patch(`/clinics/${id}`, { name: 'Whole' })).status).toBe(200)
  })

  test('a transaction whose statement fails leaves its connection usable', async () => {
    for (let i = 0; i < 10; i++)
      await t.deps.postgres
        .transaction([], async (trx) => sql`select 1 / 0`.execute(trx))
        .then(
          () => expect.unreachable(),
          () => undefined,
        )
    expect(pool.idleCount).toBe(pool.totalCount)
    expect((await t.anonymous.get('/clinics')).status).toBe(200)
  })
})

describe('lock timeout', () => {
  test('a lock timeout is reported as unavailable, not as an internal error', async () => {
    const { id } = await t.newClinic()
    const impatient = openPostgres({ ...t.deps.config.postgres, lockTimeoutMs: 100 }, () => {})
    const error = await holding(id, () =>
      impatient
        .transaction([], (trx) => trx.updateTable('clinics').set({ name: 'x' }).where('id', '=', id).execute())
        .catch((thrown) => thrown),
    )
    await impatient.close()
    expect(asUnavailable(error)).toMatchObject({ code: 'unavailable', headers: { 'Retry-After': '2' } })
  })
})

describe('a PostgreSQL restart', () => {
  test('requests during a PostgreSQL restart are a 503 with Retry-After and succeed afterwards', async () => {
    const clinic = { name: 'After the restart', timeZone: 'Europe/Berlin', currency: 'EUR' }
    const key = { headers: { 'idempotency-key': 'over-a-restart' } }
    await t.stopPostgres()
    const meanwhile = await Promise.all([
      t.as(admin).post('/clinics', clinic, key),
      t.as(admin).post('/clinics', clinic),
      t.anonymous.get('/clinics'),
      t.anonymous.get(`/clinics/${crypto.randomUUID()}`),
    ])
    for (const { status, headers, body } of meanwhile) {
      expect({ status, code: body.code }).toEqual({ status: 503, code: 'unavailable' })
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    }

    await t.startPostgres()
    const answer = await until(async () => {
      const again = await t.as(admin).post('/clinics', clinic, key)
      return again.status === 503 ? undefined : again
    })
    expect(answer.status).toBe(201)
    const made = await t.db.selectFrom('clinics').select('id').where('name', '=', clinic.name).execute()
    expect(made).toEqual([{ id: answer.body.id }])
  })
})
