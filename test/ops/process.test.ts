import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { sql } from 'kysely'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { createTestApp } from '../support/app'
import { startServer } from '../support/server'
import { switchingProxy } from '../support/switching-proxy'
import { until } from '../support/until'

const t = await createTestApp()
// Several processes start at once, so each test may take as long as all of them.
setDefaultTimeout(240_000)
t.clock.set(new Date())
const admin = await t.newAdmin()
const env = { ...t.env, LOG_LEVEL: 'info' }
const database = await switchingProxy(t.deps.config.postgres)

/** A change of a clinic that waits until it is released. */
async function slowChange(url: string) {
  const { id } = await t.newClinic()
  const holder = await t.deps.postgres.pool.connect()
  await holder.query('begin')
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
  await holder.query('select 1 from clinics where id = $1 for update', [id])
  const authorization = `Bearer ${await signAccessToken(t.deps.config, admin, new Date())}`
  const answer = fetch(`${url}/clinics/${id}`, {
    method: 'PATCH',
    headers: { authorization, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Changed at leisure' }),
  })
  const waiting = sql`select 1 from pg_stat_activity where ${rows[0]!.pid}::int = any(pg_blocking_pids(pid))`
  await until(async () => (await waiting.execute(t.db)).rows.length > 0)
  return {
    answer,
    async letGo() {
      await holder.query('rollback')
      holder.release()
    },
  }
}

/** A request whose body never ends; `refusal` is the answer to it. */
async function sendHalfABody(url: string) {
  const { hostname, port } = new URL(url)
  let answer = ''
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) =>
        void socket.write(
          'POST /auth/login HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
        ),
      data: (_socket, bytes) => {
        answer += bytes.toString()
      },
    },
  })
  return { refusal: until(() => answer) }
}

describe.concurrent('start of the server', () => {
  test('the server logs its address and its databases at the start, by host name only', async () => {
    const server = startServer({ ...env, REDIS_URL: 'redis://:hunter2@127.0.0.1:1' })
    const line = await server.logged('listening')
    expect(line).toMatchObject({ level: 'info', environment: 'test', redis: '127.0.0.1:1' })
    expect(String(line.address)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect(JSON.stringify(server.lines)).not.toMatch(/hunter2|test-access|test-pepper/)
    server.kill('SIGTERM')
    expect(await server.ended()).toEqual({ code: 0, complaint: '' })
  })

  test('the server reports every wrong setting of a bad configuration and exits with 1', async () => {
    const { code, complaint } = await startServer({ NODE_ENV: 'production', PORT: 'x' }).ended()
    expect(code).toBe(1)
    expect(complaint).toStartWith('The configuration is not usable:\n')
    expect(complaint).toContain('PORT must be')
    expect(complaint).toContain('JWT_ACCESS_SECRET is required')
    expect(complaint).not.toContain('    at ')
  })

  test('the server reports a port in use in one sentence and exits with 1', async () => {
    using taken = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    const { code, complaint } = await startServer({ ...env, PORT: `${taken.port}` }).ended()
    expect({ code, complaint }).toEqual({
      code: 1,
      complaint: `Port ${taken.port} on 127.0.0.1 is in use: stop what uses it, or set PORT.\n`,
    })
  })

  test('the server reports a missing database in one sentence and exits with 1', async () => {
    const { code, complaint } = await startServer({ ...env, POSTGRESQL_DATABASE: 'missing' }).ended()
    expect(code).toBe(1)
    expect(complaint).toMatch(
      /^PostgreSQL at \S+ has no database "missing": create it, or set POSTGRESQL_DATABASE \(database "missing" does not exist\)\.\n$/,
    )
  })

  test('the server waits for a PostgreSQL that is not up yet', async () => {
    const server = startServer({ ...env, POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: '1' })
    expect(await server.logged('the database could not be migrated')).toMatchObject({ attempt: 1 })
    server.kill('SIGTERM')
    expect((await server.ended()).code).toBe(0)
  })

  test('the server starts without MongoDB, and its log says why and what to change', async () => {
    const server = startServer({ ...env, MONGODB_URI: 'mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300' })
    const { reason } = await server.logged('MongoDB could not be prepared')
    expect(reason).toMatch(
      /^MongoDB at 127\.0\.0\.1:1 is not running.*: start it, or set host and port in MONGODB_URI \(/,
    )
    server.kill('SIGTERM')
    expect((await server.ended()).code).toBe(0)
  })

  test('the server reports an invalid MongoDB address without its password', async () => {
    const { code, complaint } = await startServer({ ...env, MONGODB_URI: 'mongodb://u:hun@ter2@x' }).ended()
    expect(code).toBe(1)
    expect(complaint).toMatch(/^MONGODB_URI is not a usable connection string/)
    expect(complaint).not.toContain('hun')
  })
})

describe.concurrent('stop of the server', () => {
  test('a stopping server finishes open requests, accepts no new ones and exits with 0', async () => {
    const server = startServer({ ...env, SHUTDOWN_DELAY: '1s' })
    const url = await server.url()
    const change = await slowChange(url)
    server.kill('SIGTERM')
    await server.logged('stopping')
    const refuses = () =>
      fetch(`${url}/health/live`, { keepalive: false }).then(
        () => false,
        () => true,
      )
    await until(refuses)
    await change.letGo()
    expect((await change.answer).status).toBe(200)
    expect(await server.ended()).toEqual({ code: 0, complaint: '' })
    expect(server.lines.at(-1)?.msg).toBe('stopped')
  })

  test('a stopping server refuses a body that still arrives after 5 s, instead of waiting for it until it cuts requests off', async () => {
    const server = startServer(env)
    const { refusal } = await sendHalfABody(await server.url())
    server.kill('SIGTERM')
    expect(await refusal).toStartWith('HTTP/1.1 503')
    expect(await server.ended()).toEqual({ code: 0, complaint: '' })
    expect(server.lines.some(({ msg }) => msg === 'requests were cut off')).toBe(false)
  })

  test('a stopping server still sends the answers of requests that were running when it refused the last bodies', async () => {
    const server = startServer({ ...env, POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: `${database.port}` })
    const url = await server.url()
    const change = await slowChange(url)
    const { refusal } = await sendHalfABody(url)
    database.hold()
    await change.letGo()
    server.kill('SIGTERM')
    expect(await refusal).toStartWith('HTTP/1.1 503')
    database.release()
    expect((await change.answer).status).toBe(200)
    expect(await server.ended()).toEqual({ code: 0, complaint: '' })
    expect(server.lines.some(({ msg }) => msg === 'requests were cut off')).toBe(false)
  })

  test('a stopping server is not ready but serves until SHUTDOWN_DELAY is over, and a second signal ends it at once', async () => {
    const server = startServer({ ...env, SHUTDOWN_DELAY: '10m' })
    const url = await server.url()
    const ready = async () => (await fetch(`${url}/health/ready`)).status
    await until(async () => (await ready()) === 200)
    const change = await slowChange(url)
    void change.answer.catch(() => {})
    server.kill('SIGINT')
    await server.logged('stopping')
    expect(await ready()).toBe(503)
    expect((await fetch(`${url}/clinics`)).status).toBe(200)
    server.kill('SIGTERM')
    expect((await server.ended()).code).toBe(1)
    await change.letGo()
  })
})

test.concurrent('an unhandled rejection ends no request, and an uncaught exception stops the server after its open requests', async () => {
  const server = startServer(env, { preload: join(import.meta.dir, 'stray-errors.ts') })
  const url = await server.url()
  const [one, other] = [await slowChange(url), await slowChange(url)]
  server.kill('SIGUSR2')
  expect(await server.logged('unhandled rejection')).toMatchObject({
    level: 'error',
    error: { name: 'Error' },
  })
  await one.letGo()
  expect((await one.answer).status).toBe(200)
  expect((await fetch(`${url}/clinics`)).status).toBe(200)

  server.kill('SIGWINCH')
  await server.logged('uncaught exception: stopping')
  await other.letGo()
  expect((await other.answer).status).toBe(200)
  expect((await server.ended()).code).toBe(1)
  expect(JSON.stringify(server.lines)).not.toMatch(/Ada|ada@/)
})
