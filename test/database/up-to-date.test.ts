import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import pg from 'pg'
import { migrate } from '../../db/migrate'
import { isUpToDate } from '../../db/up-to-date'
import { JOBS_VERSION } from '../../src/jobs/installed'
import { createDatabases } from '../support/databases'

setDefaultTimeout(180_000)
const { postgres } = await createDatabases()
const client = new pg.Client(postgres)
await client.connect()
afterAll(() => client.end())

/** Runs the statement, asks, and rolls it back. */
async function afterwards(statement: string): Promise<boolean> {
  await client.query(`begin; ${statement}; savepoint asked`)
  const found = await isUpToDate(client, postgres)
  await client.query('rollback')
  return found
}

describe('the check that spares a start the migrator', () => {
  test('a migrated database is up to date, found by one statement', async () => {
    const sent: string[] = []
    const counting = {
      query(text: string) {
        sent.push(text)
        return client.query(text)
      },
    }
    expect(await isUpToDate(counting, postgres)).toBe(true)
    expect(sent).toHaveLength(1)
  })

  test.each([
    ['a migration is missing', `delete from kysely_migration where name = (select max(name) from kysely_migration)`],
    ['there is a migration of newer code', `insert into kysely_migration values ('29990101T0000-newer', '')`],
    ['nothing has been migrated', 'alter table kysely_migration rename to something_else'],
    ['the job queue is missing', 'alter schema pgboss rename to something_else'],
    ['the job queue is older', 'update pgboss.version set version = version - 1'],
    ['a queue is missing', `update pgboss.queue set name = 'another' where name = 'payments.refund'`],
    ['a queue has other settings', `update pgboss.queue set retry_limit = 3 where name = 'payments.refund'`],
    ['the search path leads elsewhere', 'create schema elsewhere; set local search_path = elsewhere, public'],
  ])('a database is not up to date if %s', async (_what, statement) => {
    expect(await afterwards(statement)).toBe(false)
  })

  test('a schema of its own is up to date once it has been migrated', async () => {
    const connection = { ...postgres, schema: 'clinic_one' }
    const session = new pg.Client(postgres)
    await session.connect()
    await session.query('set search_path = clinic_one, public')
    expect(await isUpToDate(session, connection)).toBe(false)
    await migrate(connection)
    expect(await isUpToDate(session, connection)).toBe(true)
    await session.end()
  })

  test('the version of the job queue is that of the installed pg-boss', async () => {
    const { pgboss } = await Bun.file(
      Bun.resolveSync('pg-boss', import.meta.dir).replace(/dist.*/, 'package.json'),
    ).json()
    expect(pgboss.schema).toBe(JOBS_VERSION)
  })
})
