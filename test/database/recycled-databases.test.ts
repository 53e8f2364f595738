import { describe, expect, test } from 'bun:test'
import pg from 'pg'
import { newId } from '../../src/database/ids'
import { readPatientConfig, TEST_ENVIRONMENT } from '../support/environment'
import { borrowDatabases } from '../support/recycled-databases'

type Pool = Awaited<ReturnType<typeof borrow>>['pool']

async function borrow() {
  const databases = await borrowDatabases()
  const { environment } = databases
  const connection = readPatientConfig({ ...TEST_ENVIRONMENT, ...environment }).postgres
  const { pool } = await databases.openPool(connection)
  return { pool, connection, name: environment.POSTGRESQL_DATABASE, mongo: environment.MONGODB_DATABASE, ...databases }
}

const CLINIC = `insert into clinics (id, name, time_zone, currency, created_at) values ('${newId()}', 'Left', 'UTC', 'EUR', now())`
const textOf = async (pool: Pool, table: string) =>
  (await pool.query(`select json_agg(t)::text as rows from ${table} t`)).rows[0].rows

const CHANGE = 'create table left_behind (id int)'

/** A new database, which no earlier file has filled. */
async function borrowNew() {
  const old = await borrow()
  await old.pool.query(CHANGE)
  await old.giveBack()
  return borrow()
}

/** Runs `leave` as one test file; returns its database and that of the next file. */
async function after(leave: (pool: Pool) => Promise<unknown>) {
  const one = await borrowNew()
  await leave(one.pool)
  await one.giveBack()
  const next = await borrow()
  return { one, next }
}

describe('recycled databases', () => {
  test('a recycled database has the rows of a new one and keeps its open connections', async () => {
    let asNew: unknown
    const { one, next } = await after(async (pool) => {
      asNew = await textOf(pool, 'audit_head')
      await pool.query(CLINIC)
      await pool.query('delete from audit_head')
    })
    expect(next.name).toBe(one.name)
    expect(next.pool).toBe(one.pool)
    expect(next.mongo).not.toBe(one.mongo)
    expect(await textOf(next.pool, 'clinics')).toBeNull()
    expect(await textOf(next.pool, 'audit_head')).toBe(asNew)
    await next.giveBack()
  })

  test('recycling a database closes the connections that the previous file left open', async () => {
    const one = await borrowNew()
    const stray = new pg.Client(one.connection)
    const ended = new Promise((resolve) => stray.on('error', resolve))
    await stray.connect()
    await stray.query('begin')
    await stray.query(CLINIC)
    await one.giveBack()
    const next = await borrow()
    expect(await ended).toMatchObject({ code: '57P01' })
    expect(next.name).toBe(one.name)
    await next.giveBack()
  })

  const more: [what: string, leave: (pool: Pool) => Promise<unknown>][] = [
    ['a table', (pool) => pool.query(CHANGE)],
    ['a dropped index', (pool) => pool.query('drop index appointments_doctor')],
    ['a disabled trigger', (pool) => pool.query('alter table clinics disable trigger all')],
    ['statistics', (pool) => pool.query(`${CLINIC}; analyze clinics`)],
    [
      'a changed setting',
      (pool) =>
        pool.query(`do $$ begin execute 'alter database ' || current_database() || ' set work_mem = 65536'; end $$`),
    ],
    [
      'very many rows',
      (pool) =>
        pool.query(
          `insert into clinics select gen_random_uuid(), repeat('x', 1000), 'UTC', 'EUR', now() from generate_series(1, 20000)`,
        ),
    ],
    ['a connection in use', (pool) => pool.connect()],
  ]
  test.each(more)('a test file gets a new database if the previous file left %s', async (_, leave) => {
    const { one, next } = await after(leave)
    expect(next.name).not.toBe(one.name)
    expect(await textOf(next.pool, 'clinics')).toBeNull()
    await next.giveBack()
  })
})
