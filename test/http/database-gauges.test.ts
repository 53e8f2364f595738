import { afterAll, expect, test } from 'bun:test'
import { version } from '../../package.json'
import { openMongo } from '../../src/database/mongo'
import { openPostgres } from '../../src/database/postgres'
import { openRedis } from '../../src/database/redis'
import { addDatabaseGauges } from '../../src/http/probes/gauges'
import { addRedisGauge } from '../../src/http/probes/job-gauges'
import { createMetrics } from '../../src/metrics'
import { createTestApp } from '../support/app'
import { until } from '../support/until'

const t = await createTestApp()
const postgres = openPostgres({ ...t.deps.config.postgres, host: '127.0.0.1', port: 1 }, () => {})
const mongo = openMongo({ ...t.deps.config.mongo, uri: 'mongodb://127.0.0.1:1/none', setting: 'MONGODB_URI' }, [])
afterAll(() => Promise.all([postgres.close(), mongo.close()]))

const valueIn = (text: string, name: string) =>
  text
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1)

test('metrics show waiting work and which databases answer', async () => {
  const received = {
    name: 'unreadable',
    type: 'unknown',
    occurredAt: t.clock.now(),
    receivedAt: t.clock.now(),
  } as const
  const event = { ...received, id: crypto.randomUUID(), provider: 'sandbox', eventId: 'evt', needsAttention: true }
  await t.db.insertInto('paymentEvents').values(event).execute()
  let text = ''
  // A busy machine may not answer within the second.
  await until(async () => {
    text = (await t.anonymous.get('/metrics')).text
    return (
      valueIn(text, 'postgres_up') === '1' &&
      valueIn(text, 'mongo_up') === '1' &&
      valueIn(text, 'jobs_dead') !== undefined
    )
  })
  expect(valueIn(text, 'postgres_up')).toBe('1')
  expect(valueIn(text, 'mongo_up')).toBe('1')
  expect(valueIn(text, 'payment_events_needing_attention')).toBe('1')
  for (const name of [
    'audit_backlog_events',
    'audit_backlog_age_seconds',
    'clinical_writes_pending',
    'appointment_holds',
    'payments_needing_attention',
    'jobs_dead',
    'jobs_waiting{queue="payments.refund"}',
  ])
    expect(Number(valueIn(text, name))).toBeGreaterThanOrEqual(0)
})

test('metrics answer without the databases, show them as down and leave out their counts', async () => {
  const metrics = createMetrics()
  addDatabaseGauges({ ...t.deps, metrics, db: postgres.db, mongo })
  const text = await metrics.expose()
  expect(valueIn(text, 'postgres_up')).toBe('0')
  expect(valueIn(text, 'mongo_up')).toBe('0')
  expect(valueIn(text, 'audit_backlog_events')).toBeUndefined()
  expect(valueIn(text, 'payment_events_needing_attention')).toBeUndefined()
})

test('metrics name the version, and show no Redis where none is configured', async () => {
  const { text } = await t.anonymous.get('/metrics')
  expect(valueIn(text, `clinic_api_build_info{version="${version}"}`)).toBe('1')
  expect(valueIn(text, 'redis_up')).toBeUndefined()
  const metrics = createMetrics()
  const redis = openRedis('redis://127.0.0.1:1')
  addRedisGauge({ metrics, redis })
  expect(valueIn(await metrics.expose(), 'redis_up')).toBe('0')
  redis.close()
})

test('scrapes within one second ask the databases once', async () => {
  const metrics = createMetrics()
  let asked = 0
  metrics.addGauges({ a_gauge: 'x', another_gauge: 'x' }, async () => ({ a_gauge: ++asked, another_gauge: asked }))
  const texts = [await metrics.expose(), await metrics.expose()]
  expect(texts.map((text) => valueIn(text, 'another_gauge'))).toEqual(['1', '1'])
})
