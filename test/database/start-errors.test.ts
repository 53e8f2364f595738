import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import pg from 'pg'
import { migrate } from '../../db/migrate'
import type { Connection } from '../../src/database/connection'
import { explainPostgres } from '../../src/database/explain-postgres'
import { checkRequirements } from '../../src/database/requirements'
import { createDatabases } from '../support/databases'
import { freePort } from '../support/ports'

setDefaultTimeout(180_000)
const { postgres } = await createDatabases()
const prefix = `start_errors_${process.pid}`

/** Runs each statement for itself: `create database` allows no other beside it. */
async function administer(database: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ ...postgres, database })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

await administer(
  'postgres',
  `create database ${prefix}_latin encoding 'LATIN1' locale_provider libc locale 'C' template template0`,
  `create database ${prefix}_empty template template0`,
  `create database ${prefix}_apart template template0`,
  `create role ${prefix}_plain login`,
  `create role ${prefix}_none login connection limit 0`,
  `alter role ${prefix}_plain set search_path = public`,
)
await administer(`${prefix}_apart`, 'create schema apart', 'create extension pg_trgm schema apart')

/** What the operator reads when migrating fails. */
async function complaint(over: Partial<Connection>): Promise<string> {
  const connection = { ...postgres, ...over }
  return migrate(connection).then(
    () => 'none',
    (error) => explainPostgres(error, connection),
  )
}

describe('a PostgreSQL that cannot be used', () => {
  test.each<[what: string, over: Partial<Connection>, sentence: RegExp]>([
    [
      'an unknown database',
      { database: 'nowhere' },
      /has no database "nowhere".*POSTGRESQL_DATABASE \(.*nowhere.*\)\.$/,
    ],
    ['an unknown user', { user: 'nobody-here' }, /has no user "nobody-here".*POSTGRESQL_USER \(.*nobody-here.*\)\.$/],
    ['an unknown host', { host: 'db.invalid' }, /no host is called "db\.invalid": set POSTGRESQL_HOST \(.+\)\.$/],
    ['a port without a server', { host: '127.0.0.1', port: freePort() }, /is not running.*POSTGRESQL_PORT \(.+\)\.$/],
    [
      'too many connections',
      { user: `${prefix}_none` },
      /has no connection left.*POSTGRESQL_POOL_SIZE.* \(too many .+\)\.$/,
    ],
    ['the encoding LATIN1', { database: `${prefix}_latin` }, /has the encoding LATIN1.*create it with encoding 'UTF8'/],
    [
      'an extension outside the path',
      { database: `${prefix}_apart` },
      /pg_trgm is in schema "apart".*search_path of the role\.$/,
    ],
    [
      'a missing right',
      { database: `${prefix}_empty`, user: `${prefix}_plain` },
      /^Extension btree_gist is missing and .* may not create it/,
    ],
  ])('the sentence about %s names the cause and what to change', async (_what, over, sentence) => {
    expect(await complaint(over)).toMatch(sentence)
  })

  test('only a role that migrates must be allowed to create tables', async () => {
    const connection = { ...postgres, user: `${prefix}_plain` }
    expect(await complaint(connection)).toMatch(/may not create tables in schema "public": make it the owner/)
    const client = new pg.Client(connection)
    await client.connect()
    await checkRequirements(client, { migrates: false })
    await client.end()
  })

  test('nothing has been created in a database that is refused', async () => {
    const client = new pg.Client({ ...postgres, database: `${prefix}_apart` })
    await client.connect()
    const { rows } = await client.query(`select 1 from pg_tables where schemaname in ('public', 'pgboss')`)
    await client.end()
    expect(rows).toEqual([])
  })

  test('a database with a wrong encoding is refused before its schema and extensions are made', async () => {
    const database = `${prefix}_latin`
    expect(await complaint({ database, schema: 'organisation' })).toMatch(/has the encoding LATIN1/)
    const client = new pg.Client({ ...postgres, database })
    await client.connect()
    const { rows } =
      await client.query(`select extname as name from pg_extension where extname in ('btree_gist', 'pg_trgm')
      union all select nspname from pg_namespace where nspname = 'organisation'`)
    await client.end()
    expect(rows).toEqual([])
  })

  test.each([
    ['28P01', 'password authentication failed for user "clinic"', /refuses the password.*set POSTGRESQL_PASSWORD/],
    [
      '28000',
      'no pg_hba.conf entry for host "10.0.0.1", user "c", database "c", no encryption',
      /set PGSSLMODE=verify-full/,
    ],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'self-signed certificate in certificate chain', /set NODE_EXTRA_CA_CERTS/],
    ['XX000', 'something new', /answers, but cannot be used/],
  ])('the sentence about %s keeps the own message of the server', (code, message, sentence) => {
    const text = explainPostgres(Object.assign(new Error(message), { code }), postgres)
    expect(text).toMatch(sentence)
    expect(text).toEndWith(`(${message}).`)
  })
})
