import { describe, expect, test } from 'bun:test'
import { until } from '../support/until'
import { createAppOnOwnServers } from './own-databases'

const t = await createAppOnOwnServers()
const ready = () => t.anonymous.get('/health/ready')

async function quickly<T>(task: () => Promise<T>): Promise<T> {
  const begun = performance.now()
  const value = await task()
  expect(performance.now() - begun).toBeLessThan(2_500)
  return value
}

/** Waits until the pools have noticed that the servers are back. */
async function untilReady(): Promise<Awaited<ReturnType<typeof ready>>> {
  return until(async () => {
    const answer = await ready()
    return answer.body.status === 'ok' ? answer : undefined
  })
}

describe('health checks', () => {
  test('readiness is ok while both databases answer', async () => {
    expect(await ready()).toMatchObject({
      status: 200,
      body: { status: 'ok', checks: { postgres: 'up', mongo: 'up' } },
    })
  })

  test('readiness is degraded, but still 200, without MongoDB, and writes to PostgreSQL work', async () => {
    await t.stopMongo()
    expect(await quickly(ready)).toMatchObject({
      status: 200,
      body: { status: 'degraded', checks: { postgres: 'up', mongo: 'down' } },
    })
    const admin = await t.newAdmin()
    const clinic = { name: 'Open', timeZone: 'Europe/Berlin', currency: 'EUR' }
    expect((await t.as(admin).post('/clinics', clinic)).status).toBe(201)
    await t.startMongo()
    expect((await untilReady()).body).toMatchObject({ status: 'ok', checks: { postgres: 'up', mongo: 'up' } })
  })

  test('readiness names the database, for copies that share a port, also while PostgreSQL is down', async () => {
    const { database } = (await untilReady()).body
    expect(database).toMatch(/^[0-9a-f]{32}$/)
    await t.stopPostgres()
    expect(await ready()).toMatchObject({ status: 503, body: { database } })
    await t.startPostgres()
    expect((await untilReady()).body.database).toBe(database)
  })

  test('readiness is a 503 with Retry-After without PostgreSQL', async () => {
    await t.stopPostgres()
    const answer = await quickly(ready)
    expect(answer).toMatchObject({
      status: 503,
      body: { code: 'unavailable', checks: { postgres: 'down', mongo: 'up' } },
    })
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0)
    await t.startPostgres()
    expect((await untilReady()).status).toBe(200)
  })

  test('liveness is ok while both databases are down', async () => {
    await Promise.all([t.stopPostgres(), t.stopMongo()])
    expect(await t.anonymous.get('/health/live')).toMatchObject({ status: 200, body: { status: 'ok' } })
    await Promise.all([t.startPostgres(), t.startMongo()])
  })

  test('concurrent readiness checks share one query per database', async () => {
    await untilReady()
    const before = await backends()
    const answers = await Promise.all(Array.from({ length: 50 }, ready))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await backends()) - before).toBeLessThanOrEqual(1)
  })

  test('readiness is a 503 once the process is stopping, while other requests are still answered', async () => {
    t.deps.draining.value = true
    expect(await ready()).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect((await t.anonymous.get('/health/live')).status).toBe(200)
    expect((await t.anonymous.get('/clinics')).status).toBe(200)
    t.deps.draining.value = false
  })
})

const backends = async () => t.deps.postgres.pool.totalCount
