import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { PRODUCTION } from '../support/settings'

const TOKEN = 'metrics-token-0123456789'
const open = await createTestApp()
const guarded = await createTestApp({ METRICS_TOKEN: TOKEN })
const production = await createTestApp(PRODUCTION)

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

describe('metrics', () => {
  test('metrics count requests by route pattern and status, never by id', async () => {
    const { id } = await open.newClinic()
    await open.anonymous.get(`/clinics/${id}`)
    await open.anonymous.get(`/clinics/${crypto.randomUUID()}`)
    await open.anonymous.get(`/nothing/${id}`)
    await open.anonymous.call('PURGE', '/clinics')
    const { text, headers } = await open.anonymous.get('/metrics')
    expect(headers.get('content-type')).toStartWith('text/plain; version=0.0.4')
    const counted = (labels: string) => text.includes(`http_request_duration_seconds_count{${labels}} 1`)
    expect(counted('method="GET",route="/clinics/:id",status="200"')).toBe(true)
    expect(counted('method="GET",route="/clinics/:id",status="404"')).toBe(true)
    expect(counted('method="GET",route="unmatched",status="404"')).toBe(true)
    expect(counted('method="OTHER",route="unmatched",status="405"')).toBe(true)
    expect(text).not.toContain(id)
    expect(text).not.toContain('PURGE')
  })

  test('metrics show the connection pool and the process', async () => {
    await open.anonymous.get('/clinics')
    const { text } = await open.anonymous.get('/metrics')
    const value = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
    expect(value('postgres_pool_connections')).toBeGreaterThan(0)
    expect(value('postgres_pool_waiting')).toBe(0)
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000)
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0)
    expect(value('nodejs_eventloop_lag_p99_seconds')).toBeLessThan(60)
  })

  test('metrics require the token when one is configured', async () => {
    expect((await guarded.anonymous.get('/metrics', bearer(TOKEN))).status).toBe(200)
    for (const wrong of ['', 'metrics-token-0123456788', `${TOKEN}0`, TOKEN.slice(1)])
      expect((await guarded.anonymous.get('/metrics', bearer(wrong))).status).toBe(401)
    expect((await guarded.anonymous.get('/metrics')).status).toBe(401)
  })

  test('metrics are a 404 in production when no token is configured', async () => {
    expect((await production.anonymous.get('/metrics')).status).toBe(404)
    expect((await production.anonymous.get('/metrics', bearer(''))).status).toBe(404)
  })
})
