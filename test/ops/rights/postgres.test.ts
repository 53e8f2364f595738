import { expect, setDefaultTimeout, test } from 'bun:test'
import pg from 'pg'
import { migrate } from '../../../db/migrate'
import { createTestApp } from '../../support/app'
import { createDatabases } from '../../support/databases'
import { postgresStatements } from './scripts'

setDefaultTimeout(180_000)
const { postgres, environment } = await createDatabases()
const database = `${postgres.database}_rights`

async function administer(name: string, statement: string) {
  const client = new pg.Client({ ...postgres, database: name })
  await client.connect()
  const result = await client.query(statement)
  await client.end()
  return Array.isArray(result) ? [] : result.rows
}

await administer('postgres', `create database ${database} template template0`)
await administer(database, postgresStatements('clinic'))
const connection = { ...postgres, database, user: 'clinic' }

test("the API's own role of PostgreSQL migrates, books and enqueues jobs without being a superuser", async () => {
  await migrate(connection)
  // As at every later start.
  await migrate(connection)
  const t = await createTestApp({ ...environment, POSTGRESQL_USER: 'clinic', POSTGRESQL_DATABASE: database })
  const doctor = await t.newDoctor({ clinicId: (await t.newClinic()).id })
  const patient = await t.newPatient()
  const visit = { doctorId: doctor.id, startsAt: '2026-01-06T10:00:00-05:00' }
  const booked = await t.as(patient.actor).post('/appointments', visit)
  expect(booked.status).toBe(201)
  const cancelled = await t.as(patient.actor).put(`/appointments/${booked.body.id}/cancel`, { reason: 'Travelling' })
  expect(cancelled.status).toBe(200)
  expect(await administer(database, 'select name from pgboss.job')).toEqual([{ name: 'waitlist.time_freed' }])
})

test("the API's own role of PostgreSQL may make no schema, database, role or extension", async () => {
  const client = new pg.Client(connection)
  await client.connect()
  for (const what of ['schema other', 'database other', 'role other', 'extension file_fdw'])
    await expect(client.query(`create ${what}`)).rejects.toThrow('permission denied')
  await client.end()
  const owned = `select nspname from pg_namespace where nspowner = 'clinic'::regrole order by 1`
  expect(await administer(database, owned)).toEqual([{ nspname: 'pgboss' }, { nspname: 'public' }])
})
