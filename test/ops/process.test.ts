import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { join } from 'node:path'
import { sql } from 'kysely'
import { signAccessToken } from '../../src/auth/tokens'
import { createTestApp } from '../support/app'
import { startServer } from '../support/server'
import { until } from '../support/until'

const t = await createTestApp()
// A dozen processes start at once, and each test's time is that of all.
setDefaultTimeout(60_000)
t.clock.set(new Date())
const admin = await t.newAdmin()
const env = { ...t.env, LOG_LEVEL: 'info' }
const clinic = { name: 'Harbor', timeZone: 'Europe/Berlin', currency: 'EUR' }

async function send(url: string, method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const authorization = `Bearer ${await signAccessToken(t.deps.config, admin, new Date())}`
  return fetch(url + path, {
    method,
    headers: { authorization, 'content-type': 'application/json', ...headers },
    body: body && JSON.stringify(body),
  })
}

/** A change of a clinic that goes on until it is let go. */
async function slowChange(url: string) {
  const { id } = await t.newClinic()
  const holder = await t.deps.postgres.pool.connect()
  await holder.query('begin')
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid')
  await holder.query('select 1 from clinics where id = $1 for update', [id])
  const answer = send(url, 'PATCH', `/clinics/${id}`, { name: 'Changed at leisure' })
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

describe.concurrent('starting', () => {
  test('tells where it listens and which databases it uses, by host name only', async () => {
    const server = startServer({ ...env, REDIS_URL: 'redis://:hunter2@127.0.0.1:1' })
    const line = await server.logged('listening')
    expect(line).toMatchObject({ level: 'info', environment: 'test', redis: '127.0.0.1:1' })
    expect(String(line.address)).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/)
    expect(JSON.stringify(server.lines)).not.toMatch(/hunter2|test-access|test-pepper/)
    server.kill('SIGTERM')
    expect(await server.ended()).toEqual({ code: 0, complaint: '' })
  })

  test('with a bad configuration says all that is wrong, and exits 1', async () => {
    const { code, complaint } = await startServer({ NODE_ENV: 'production', PORT: 'x' }).ended()
    expect(code).toBe(1)
    expect(complaint).toStartWith('The configuration is not usable:\n')
    expect(complaint).toContain('PORT must be')
    expect(complaint).toContain('JWT_ACCESS_SECRET is required')
    expect(complaint).not.toContain('    at ')
  })

  test('on a port that is in use says so in one sentence, and exits 1', async () => {
    using taken = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
    const { code, complaint } = await startServer({ ...env, PORT: `${taken.port}` }).ended()
    expect({ code, complaint }).toEqual({
      code: 1,
      complaint: `Port ${taken.port} is in use: stop what uses it, or set PORT.\n`,
    })
  })

  test('with a database that is not there says so in one sentence, and exits 1', async () => {
    const { code, complaint } = await startServer({ ...env, POSTGRESQL_DATABASE: 'missing' }).ended()
    expect(code).toBe(1)
    expect(complaint).toMatch(/^PostgreSQL at \S+ answers but could not be migrated: see the log\.\n$/)
  })

  test('waits for a PostgreSQL that is not up yet', async () => {
    const server = startServer({ ...env, POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: '1' })
    expect(await server.logged('the database could not be migrated')).toMatchObject({ attempt: 1 })
    server.kill('SIGTERM')
    expect((await server.ended()).code).toBe(0)
  })

  test('with a MongoDB address that cannot be read keeps its password to itself', async () => {
    const { code, complaint } = await startServer({ ...env, MONGODB_URI: 'mongodb://u:hun@ter2@x' }).ended()
    expect(code).toBe(1)
    expect(complaint).toMatch(/^MONGODB_URI is not a usable connection string/)
    expect(complaint).not.toContain('hun')
  })
})

describe.concurrent('stopping', () => {
  test('finishes what was begun, takes nothing new, and exits 0', async () => {
    const server = startServer(env)
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

  test('is not ready at once, and goes on serving for as long as it is told to', async () => {
    const server = startServer({ ...env, SHUTDOWN_DELAY: '1s' })
    const url = await server.url()
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)
    server.kill('SIGINT')
    await server.logged('stopping')
    expect((await fetch(`${url}/health/ready`)).status).toBe(503)
    expect((await fetch(`${url}/clinics`)).status).toBe(200)
    expect((await server.ended()).code).toBe(0)
  })

  test('a second time is at once', async () => {
    const server = startServer(env)
    const change = await slowChange(await server.url())
    change.answer.catch(() => {})
    server.kill('SIGTERM')
    await server.logged('stopping')
    const begun = performance.now()
    server.kill('SIGTERM')
    expect((await server.ended()).code).toBe(1)
    expect(performance.now() - begun).toBeLessThan(3_000)
    await change.letGo()
  })
})

describe.concurrent('dying', () => {
  test('by kill -9 takes no acknowledged change along: the same key gives the same answer', async () => {
    const first = startServer(env)
    const key = { 'idempotency-key': 'over-a-crash' }
    const made = await send(await first.url(), 'POST', '/clinics', clinic, key)
    const text = await made.text()
    expect(made.status).toBe(201)
    first.kill('SIGKILL')
    await first.ended()

    const second = startServer(env)
    const again = await send(await second.url(), 'POST', '/clinics', clinic, key)
    expect(again.status).toBe(201)
    expect(await again.text()).toBe(text)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    second.kill('SIGKILL')
  })
})

describe.concurrent('errors that nobody awaits', () => {
  const preload = join(import.meta.dir, 'stray-errors.ts')

  test('are logged without what they say, and end no request', async () => {
    const server = startServer(env, { preload })
    const url = await server.url()
    const change = await slowChange(url)
    server.kill('SIGUSR2')
    expect(await server.logged('a rejection that nobody handled')).toMatchObject({
      level: 'error',
      error: { name: 'Error' },
    })
    expect((await fetch(`${url}/health/ready`)).status).toBe(200)
    await change.letGo()
    expect((await change.answer).status).toBe(200)
    expect(JSON.stringify(server.lines)).not.toMatch(/Ada|ada@/)
    server.kill('SIGKILL')
  })

  test('stop the process in order after a stray exception, with exit code 1', async () => {
    const server = startServer(env, { preload })
    const change = await slowChange(await server.url())
    server.kill('SIGWINCH')
    await server.logged('an exception that nobody caught: stopping')
    await change.letGo()
    expect((await change.answer).status).toBe(200)
    expect((await server.ended()).code).toBe(1)
    expect(JSON.stringify(server.lines)).not.toMatch(/Ada|ada@/)
  })
})
