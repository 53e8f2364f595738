import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { countBacklog, countJobs } from '../../src/http/probes/queries'
import { findPaymentById, listPayments } from '../../src/payments/queries'
import { scansOf } from '../support/query-plans'
import { createPaymentsApp } from './payments-app'

const t = await createPaymentsApp()
const { appointmentId } = await t.storedPayment({ status: 'cancelled' })

/** Many payments with their charges and events, of which a few need attention. */
await sql`
  insert into payments (id, appointment_id, amount, currency, method, provider, provider_ref, status, created_by, created_at)
  select gen_random_uuid(), ${appointmentId}, 100, 'USD', 'card', 'sandbox', 'ref ' || n, 'cancelled', ${t.admin.userId},
    now() - n * interval '1 minute'
  from generate_series(1, 5000) n`.execute(t.db)
await sql`
  insert into payment_entries (id, payment_id, kind, amount, currency, status, provider)
  select gen_random_uuid(), id, 'charge', 100, 'USD', 'succeeded', 'sandbox' from payments where provider = 'sandbox'`.execute(
  t.db,
)
await sql`
  insert into payment_entries (id, payment_id, kind, amount, currency, status, provider)
  select gen_random_uuid(), id, 'refund', 100, 'USD', 'failed', 'sandbox'
  from payments where provider = 'sandbox' limit 20`.execute(t.db)
await sql`
  insert into payment_events (id, provider, event_id, name, type, occurred_at, received_at, payment_ref, needs_attention)
  select gen_random_uuid(), 'sandbox', n, 'x', 'payment', now(), now(), 'ref ' || n, n % 500 = 0
  from generate_series(1, 5000) n`.execute(t.db)
await sql`vacuum analyze payments, payment_entries, payment_events`.execute(t.db)

const admin = { ...t.admin, role: 'admin' as const }
const LARGE = ['payments', 'payment_entries', 'payment_events'] as const

test('payments that need attention, and why, are found by indexes', async () => {
  const list = await scansOf(t, (db) => listPayments(db, admin, { limit: 21, needsAttention: 'true' }))
  const one = await scansOf(t, (db) => findPaymentById(db, admin, { id: crypto.randomUUID() }))
  for (const scans of [list, one])
    for (const table of LARGE) expect([table, scans[table]]).not.toEqual([table, expect.arrayContaining(['seq scan'])])
  for (const scans of [list, one]) expect(scans.payment_entries).toContain('payment_entries_refused')
  for (const scans of [list, one]) expect(scans.payment_events).toEqual(['payment_events_attention'])
})

test('the gauges of payments and jobs are counted by indexes', async () => {
  const scans = await scansOf(t, (db) => countBacklog(db))
  for (const table of LARGE) expect([table, scans[table]]).not.toEqual([table, expect.arrayContaining(['seq scan'])])
  const jobs = await scansOf(t, (db) => countJobs(db, 'pgboss'))
  const { queue: _few, ...scanned } = jobs
  expect(Object.values(scanned).flat()).not.toContain('seq scan')
})
