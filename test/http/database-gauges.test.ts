import { afterAll, expect, test } from 'bun:test'
import { openMongo } from '../../src/database/mongo'
import { openPostgres } from '../../src/database/postgres'
import { addDatabaseGauges } from '../../src/http/probes/gauges'
import { createMetrics } from '../../src/metrics'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const postgres = openPostgres({ ...t.deps.config.postgres, host: '127.0.0.1', port: 1 }, () => {})
const mongo = openMongo({ ...t.deps.config.mongo, uri: 'mongodb://127.0.0.1:1/none', setting: 'MONGODB_URI' }, [])
afterAll(() => Promise.all([postgres.close(), mongo.close()]))

const valueIn = (text: string, name: string) => new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]

test('metrics show waiting work and which databases answer', async () => {
  const received = {
    name: 'unreadable',
    type: 'unknown',
    occurredAt: t.clock.now(),
    receivedAt: t.clock.now(),
  } as const
  const event = { ...received, id: crypto.randomUUID(), provider: 'sandbox', eventId: 'evt', needsAttention: true }
  await t.db.insertInto('paymentEvents').values(event).execute()
  const { text } = await t.anonymous.get('/metrics')
  expect(valueIn(text, 'postgres_up')).toBe('1')
  expect(valueIn(text, 'mongo_up')).toBe('1')
  expect(valueIn(text, 'payment_events_needing_attention')).toBe('1')
  for (const name of [
    'audit_backlog_events',
    'audit_backlog_age_seconds',
    'clinical_writes_pending',
    'appointment_holds',
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
