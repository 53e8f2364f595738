import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import pg from 'pg'
import { migrate } from '../../db/migrate'
import { withTryLock } from '../../src/database/advisory-lock'
import { inTransaction } from '../../src/database/transaction'
import { enqueue } from '../../src/jobs/queue'
import { createAccounts } from '../auth/accounts'
import { createTestApp } from '../support/app'
import { createDatabases } from '../support/databases'
import { until } from '../support/until'

setDefaultTimeout(180_000)
const { postgres, environment } = await createDatabases()
await administer(`drop schema public cascade; create schema public; drop schema pgboss cascade`)
await administer('create schema other_program; create table other_program.kysely_migration (name text, timestamp text)')
await administer(`insert into other_program.kysely_migration values ('2001-first', 'now')`)

async function administer(statement: string) {
  const client = new pg.Client({ ...postgres })
  await client.connect()
  const result = await client.query(statement)
  await client.end()
  return Array.isArray(result) ? [] : result.rows
}

/** An API of its own schema; without a name, in the schema of the search path. */
async function openOrganisation(schema?: string) {
  await migrate({ ...postgres, schema })
  return createTestApp({
    ...environment,
    MONGODB_DATABASE: `org_${process.pid}_${schema}`,
    POSTGRESQL_SCHEMA: schema ?? '',
  })
}

const north = await openOrganisation('north')
const south = await openOrganisation('south')
const old = await openOrganisation()
const all = [north, south, old]

describe('several organisations in the schemas of one database', () => {
  test('each organisation has its accounts, clinics and bookings, and sees none of the others', async () => {
    const email = 'ada@example.org'
    for (const t of all) {
      expect((await createAccounts(t).newAccount({ email })).email).toBe(email)
      const clinic = await t.newClinic()
      const doctor = await t.newDoctor({ clinicId: clinic.id })
      const visit = { doctorId: doctor.id, startsAt: '2026-01-06T10:00:00-05:00' }
      const booked = await t.as((await t.newPatient()).actor).post('/appointments', visit)
      expect(booked.status).toBe(201)
      for (const other of all.filter((one) => one !== t))
        expect((await other.anonymous.get(`/clinics/${clinic.id}`)).status).toBe(404)
      expect((await t.anonymous.get('/clinics')).body.data).toHaveLength(1)
    }
  })

  test('jobs of public stay in pgboss, and those of another schema are in a schema of their own', async () => {
    const { rows } = await old.deps.postgres.pool.query(
      `select nspname from pg_namespace where nspname like '%pgboss' order by 1`,
    )
    expect(rows.map(({ nspname }) => nspname)).toEqual(['north_pgboss', 'pgboss', 'south_pgboss'])
    const payload = { was: 'booked' as const, doctorId: '', clinicId: '', startsAt: '' }
    for (const [i, t] of all.entries())
      await inTransaction(t.deps, (ctx) =>
        enqueue(ctx, 'waitlist.time_freed', { ...payload, appointmentId: `job-${i}` }, { delaySeconds: 900 }),
      )
    for (const [i, schema] of ['north_pgboss', 'south_pgboss', 'pgboss'].entries())
      expect(await administer(`select data->>'appointmentId' as id from ${schema}.job`)).toEqual([{ id: `job-${i}` }])
  })

  test('a migration of one organisation does not wait for the migration of another', async () => {
    const holder = new pg.Client({ ...postgres })
    await holder.connect()
    // The lock of Kysely, which a migration of public holds.
    await holder.query('select pg_advisory_lock(3853314791062309107)')
    await migrate({ ...postgres, schema: 'south' })
    await holder.query(`select pg_advisory_lock(hashtext('migrations'), hashtext('north.migrations'))`)
    await migrate({ ...postgres, schema: 'south' })
    await holder.end()
  })

  test('a task of one organisation does not keep the same task of another from running', async () => {
    const lock = (t: typeof north, task: () => Promise<unknown>) => withTryLock(t.deps.postgres, 'audit-relay', task)
    const ran = await lock(north, () => lock(south, () => lock(old, async () => 'all at once')))
    expect(ran).toBe('all at once')
    expect(await lock(north, () => lock(north, async () => 'twice'))).toBeUndefined()
  })

  test('an ended session is heard of in its own organisation only', async () => {
    const heard: string[] = []
    const listener = new pg.Client({ ...postgres })
    await listener.connect()
    await listener.query('listen "north.session_ended"; listen "south.session_ended"; listen "session_ended"')
    listener.on('notification', ({ channel }) => heard.push(channel))
    for (const t of all) {
      const accounts = createAccounts(t)
      const { accessToken } = await accounts.newAccount()
      expect((await accounts.withToken(accessToken).post('/auth/logout')).status).toBe(204)
    }
    await until(() => heard.length === 3)
    await listener.end()
    expect(heard).toEqual(['north.session_ended', 'south.session_ended', 'session_ended'])
  })

  test('the search path of the role chooses the schema when no setting does', async () => {
    await administer('create schema west; create role western login superuser')
    await administer('alter role western set search_path = west, public')
    await migrate({ ...postgres, user: 'western' })
    const [row] = await administer(`select count(*)::integer from pg_tables where schemaname = 'west' and tablename in
      ('appointments', 'kysely_migration')`)
    expect(row).toEqual({ count: 2 })
    expect(await administer(`select nspname from pg_namespace where nspname = 'west_pgboss'`)).toHaveLength(1)
  })
})
