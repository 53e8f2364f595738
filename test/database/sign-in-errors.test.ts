import { afterAll, afterEach, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { postgresUser } from '../../db/embedded/directories'
import { startEmbeddedPostgres } from '../../db/embedded/postgres'
import { migrate } from '../../db/migrate'
import type { Connection } from '../../src/database/connection'
import { explainPostgres } from '../../src/database/explain-postgres'
import { putCluster } from '../support/cluster'
import { freePort } from '../support/ports'
import { runFolder } from '../support/run-folder'
import { selfSigned } from '../support/self-signed'
import { builtProgram } from '../support/server'

setDefaultTimeout(60_000)

const HBA = `local   all       all                scram-sha-256
hostssl secure    all   127.0.0.1/32 scram-sha-256
host    open      all   127.0.0.1/32 scram-sha-256
`

const tls = selfSigned()
const port = freePort()
const server = await startServer()
afterAll(() => server.stop())

/** PostgreSQL on TCP, whose superuser has a password and whose database `secure` is for connections with TLS only. */
async function startServer() {
  const directory = join(runFolder(), 'sign-in-errors')
  const data = join(directory, 'data')
  await putCluster(directory)
  for (const [name, text] of Object.entries({ 'server.key': tls?.key, 'server.crt': tls?.cert })) {
    if (text === undefined) continue
    const file = join(data, name)
    writeFileSync(file, text)
    chmodSync(file, 0o600)
    if (postgresUser) chownSync(file, postgresUser.uid, postgresUser.gid)
  }
  const settings = { listen_addresses: '127.0.0.1', port: `${port}`, ssl: tls ? 'on' : 'off' }
  const server = await startEmbeddedPostgres({ directory, ephemeral: true, settings })
  const client = new pg.Client({ ...server, port })
  await client.connect()
  await client.query(`alter role postgres password 'right'`)
  for (const name of ['open', 'secure']) await client.query(`create database ${name}`)
  writeFileSync(join(data, 'pg_hba.conf'), HBA)
  await client.query('select pg_reload_conf()')
  await client.end()
  return server
}

const connection = { host: '127.0.0.1', port, user: 'postgres', password: 'right', database: 'open' }
const mode = process.env.PGSSLMODE
afterEach(() => {
  if (mode === undefined) delete process.env.PGSSLMODE
  else process.env.PGSSLMODE = mode
})

/** What the operator reads when migrating fails; `PGSSLMODE` is read at each connection. */
async function complaint(over: Partial<Connection>, sslMode?: string): Promise<string> {
  if (sslMode !== undefined) process.env.PGSSLMODE = sslMode
  return migrate({ ...connection, ...over }).then(
    () => 'none',
    (error) => explainPostgres(error, { ...connection, ...over }),
  )
}

describe('a PostgreSQL that refuses to let the API in', () => {
  test('a wrong password and a missing one are told apart', async () => {
    expect(await complaint({ password: 'wrong' })).toMatch(
      /refuses the password of user "postgres": set POSTGRESQL_PASSWORD \(password authentication failed .+\)\.$/,
    )
    expect(await complaint({ password: '' })).toMatch(
      /demands a password of user "postgres": set POSTGRESQL_PASSWORD \(.+\)\.$/,
    )
  })

  test('a database that this host may not use says so', async () => {
    expect(await complaint({ database: 'template1' })).toMatch(/pg_hba\.conf \(no pg_hba\.conf entry .+\)\.$/)
  })

  test('every command says the same sentence as the start', async () => {
    const env = {
      PATH: process.env.PATH,
      PASSWORD_PEPPER: 'x7Qm2vT9kLp4Rw8sYb3Nf6Hd1Jc5Zg0A',
      AUDIT_SIGNING_KEY: 'x7Qm2vT9kLp4Rw8sYb3Nf6Hd1Jc5Zg0B',
      MONGODB_URI: 'mongodb://127.0.0.1:1',
      POSTGRESQL_HOST: connection.host,
      POSTGRESQL_PORT: `${port}`,
      POSTGRESQL_USER: connection.user,
      POSTGRESQL_PASSWORD: 'wrong',
      POSTGRESQL_DATABASE: connection.database,
      CARD_PROVIDER: 'sandbox',
    }
    const sentence = await complaint({ password: 'wrong' })
    const calls: [program: string, words: string[], failure: string][] = [
      ['admin-create', ['ada@example.org', 'Ada'], 'Could not be created: '],
      ['verify-command', [], 'Could not be checked: '],
      ['migrate-command', [], ''],
    ]
    for (const [program, words, failure] of calls) {
      const stdin = new Blob(['horse of the first admin'])
      const child = Bun.spawn([process.execPath, '--no-env-file', builtProgram(program), ...words], {
        env,
        stdin,
        stdio: [stdin, 'ignore', 'pipe'],
      })
      expect([program, await new Response(child.stderr).text()]).toEqual([program, `${failure}${sentence}\n`])
      expect(await child.exited).toBeGreaterThan(0)
    }
  })

  describe.skipIf(!tls)('with TLS', () => {
    test('a server that demands TLS says to set PGSSLMODE', async () => {
      expect(await complaint({ database: 'secure' })).toMatch(
        /refuses a connection without TLS.*: set PGSSLMODE=verify-full.* \(no pg_hba\.conf entry .+no encryption\)\.$/,
      )
    })

    test('a certificate that nothing vouches for is refused, and the sentence says to name its CA', async () => {
      expect(await complaint({ database: 'secure', host: 'localhost' }, 'verify-full')).toMatch(
        /has a certificate that is not trusted: set NODE_EXTRA_CA_CERTS to the file of its CA \(self.signed certificate\)\.$/,
      )
    })

    test('the CA in NODE_EXTRA_CA_CERTS is trusted, but not for another host', async () => {
      const env = { PATH: process.env.PATH, POSTGRESQL_USER: 'postgres', POSTGRESQL_PASSWORD: 'right' }
      const secured = { PGSSLMODE: 'verify-full', NODE_EXTRA_CA_CERTS: tls!.certFile }
      const run = async (host: string) => {
        const to = { POSTGRESQL_HOST: host, POSTGRESQL_PORT: `${port}`, POSTGRESQL_DATABASE: 'secure' }
        const child = Bun.spawn([process.execPath, '--no-env-file', builtProgram('migrate-command')], {
          env: { ...env, ...secured, ...to },
          stdio: ['ignore', 'ignore', 'pipe'],
        })
        return { complaint: await new Response(child.stderr).text(), code: await child.exited }
      }
      expect(await run('localhost')).toEqual({ complaint: '', code: 0 })
      expect((await run('127.0.0.1')).complaint).toMatch(
        /has a certificate for another host: set POSTGRESQL_HOST to the name in the certificate \(.+\)\.$/m,
      )
    })
  })

  test('a server without TLS says so when it is demanded', async () => {
    // N is the answer of PostgreSQL to the question for TLS.
    const plain = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data: (socket) => void socket.write('N') } })
    const sentence = await complaint({ port: plain.port }, 'verify-full')
    plain.stop(true)
    expect(sentence).toMatch(/does not offer TLS: unset PGSSLMODE.* \(.+\)\.$/)
  })
})
