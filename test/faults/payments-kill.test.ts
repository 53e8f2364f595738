import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import { signAccessToken } from '../../src/auth/tokens'
import type { Actor } from '../../src/deps'
import { addDays, localDay } from '../../src/scheduling/local-time'
import { startServer } from '../ops/server'
import { createPaymentsApp } from '../payments/payments-app'
import { startStripeServer } from '../payments/providers/stripe-server'

const FULL = process.env.TEST_SCALE === 'full'
/** Where the API dies; at full scale after every commit and around every call, until one is never reached. */
const POINTS = FULL ? ['commit', 'before', 'after'] : ['commit']
const FIRST = FULL ? 1 : 4
const MOST = FULL ? 40 : 1
const SECRET = 'whsec_kill'
const SECRET_KEY = 'sk_test_kill'
const PRICE = 9_500

const webhooks: string[] = []
const stripe = await startStripeServer({
  secretKey: SECRET_KEY,
  clock: () => new Date(),
  onEvent: ({ rawBody }) => void webhooks.push(rawBody),
})
afterAll(() => stripe.close())
const t = await createPaymentsApp({
  CARD_PROVIDER: 'stripe',
  STRIPE_SECRET_KEY: SECRET_KEY,
  STRIPE_WEBHOOK_SECRETS: SECRET,
  STRIPE_BASE_URL: stripe.url,
})
// The server lives in real time.
t.clock.set(new Date())
const allDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '00:00', end: '24:00' }))
const doctor = await t.newDoctor({
  clinicId: t.clinic.id,
  weekly: allDay,
  visitType: { requiresPrepayment: true, horizonDays: 365 },
})
let slots = 0
const newStart = () => {
  const day = addDays(localDay(Date.now(), 'UTC'), 3 + Math.floor(slots / 40))
  return new Date(Date.parse(`${day}T00:00:00Z`) + (slots++ % 40) * 1_800_000).toISOString()
}

/** An API process that starts again when it dies, and clients that try again as long as it takes. */
function runServer(crashAt: string) {
  const preload = [join(import.meta.dir, 'crash-at.ts')]
  const start = (at: string) => startServer({ ...t.env, LOG_LEVEL: 'info', CRASH_AT: at }, { preload })
  let server = start(crashAt)
  let url = server.url()
  let deaths = 0
  let stopped = false

  async function watch(): Promise<void> {
    for (;;) {
      await server.ended()
      if (stopped) return
      deaths++
      server = start('never:0')
      url = server.url()
      // Whoever asks for it sees the failure.
      url.catch(() => {})
    }
  }
  const watching = watch()

  async function request(method: string, path: string, headers: Record<string, string>, body?: string) {
    for (;;) {
      try {
        const response = await fetch(`${await url}${path}`, { method, headers, body, keepalive: false })
        const text = await response.text()
        const again = response.status === 503 || (response.status === 409 && text.includes('in_progress'))
        if (!again) return { status: response.status, body: text === '' ? undefined : JSON.parse(text) }
      } catch {
        // It died, or is not up yet.
      }
      await Bun.sleep(20)
    }
  }

  let keys = 0
  async function as(actor: Actor, method: 'GET' | 'POST' | 'PUT', path: string, body?: object) {
    const authorization = `Bearer ${await signAccessToken(t.deps.config, actor, new Date())}`
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': `${crashAt}-${keys++}` }
    return request(method, path, headers, body && JSON.stringify(body))
  }

  /** What Stripe does: sends each event until it is taken. */
  async function deliverWebhooks(): Promise<void> {
    for (const rawBody of webhooks.splice(0)) {
      const signature = await stripe.sign(rawBody, SECRET, new Date())
      const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
      expect(await request('POST', '/payments/webhooks/stripe', headers, rawBody)).toMatchObject({ status: 204 })
    }
  }

  return {
    as,
    deliverWebhooks,
    deaths: () => deaths,
    async stop() {
      stopped = true
      server.kill('SIGKILL')
      await watching
    },
  }
}

type Server = ReturnType<typeof runServer>

async function until(server: Server, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 120_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error('it never came to that')
    await server.deliverWebhooks()
    await Bun.sleep(50)
  }
}

/** Hold, pay, give a part back, cancel; and a second one that is cancelled before it is paid. */
async function livePayments(server: Server): Promise<{ paid: string; unpaid: string }> {
  const patient = await t.newPatient()
  async function begin() {
    const held = await server.as(patient.actor, 'POST', '/appointments', { doctorId: doctor.id, startsAt: newStart() })
    expect(held).toMatchObject({ status: 201 })
    const appointmentId: string = held.body.id
    const begun = await server.as(patient.actor, 'POST', '/payments', { appointmentId, method: 'card' })
    expect(begun).toMatchObject({ status: 201 })
    const ref = String(begun.body.clientSecret).split('_secret_')[0]!
    return { appointmentId, id: begun.body.id as string, ref }
  }
  const read = async (id: string) => (await server.as(t.admin, 'GET', `/payments/${id}`)).body
  const isMade = async (id: string) =>
    (await read(id)).entries.every(({ status }: { status: string }) => status === 'succeeded')

  const first = await begin()
  stripe.confirm(first.ref, 'succeed')
  await until(server, async () => (await read(first.id)).status === 'succeeded')
  const booked = await server.as(patient.actor, 'GET', `/appointments/${first.appointmentId}`)
  expect(booked.body).toMatchObject({ status: 'booked' })
  await server.as(t.admin, 'POST', `/payments/${first.id}/refunds`, { amount: 1_000, reason: 'Late' })
  await until(server, async () => (await read(first.id)).refundable === PRICE - 1_000 && (await isMade(first.id)))
  const cancelled = await server.as(patient.actor, 'PUT', `/appointments/${first.appointmentId}/cancel`)
  expect(cancelled).toMatchObject({ status: 200 })
  await until(server, async () => (await read(first.id)).status === 'refunded' && (await isMade(first.id)))

  const second = await begin()
  await server.as(patient.actor, 'PUT', `/appointments/${second.appointmentId}/cancel`)
  await until(server, async () => stripe.findIntent(second.ref, {}).status === 'canceled')
  await until(server, async () => (await eventsLeft()) === 0)
  return { paid: first.id, unpaid: second.id }
}

async function eventsLeft(): Promise<number> {
  const rows = await t.db.selectFrom('paymentEvents').select('id').where('processedAt', 'is', null).execute()
  return rows.length + webhooks.length
}

async function expectAgreement({ paid, unpaid }: { paid: string; unpaid: string }): Promise<void> {
  const entries = await t.db
    .selectFrom('paymentEntries')
    .select(['kind', 'amount', 'status'])
    .where('paymentId', '=', paid)
    .orderBy('createdAt')
    .orderBy('id')
    .execute()
  expect(entries).toEqual([
    { kind: 'charge', amount: PRICE, status: 'succeeded' },
    { kind: 'refund', amount: 1_000, status: 'succeeded' },
    { kind: 'refund', amount: PRICE - 1_000, status: 'succeeded' },
  ])
  const rows = await t.db
    .selectFrom('payments')
    .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
    .select(['payments.id', 'payments.status', 'providerRef', 'resolution', 'appointments.status as appointment'])
    .where('payments.id', 'in', [paid, unpaid])
    .orderBy('payments.id')
    .execute()
  expect(rows).toMatchObject([
    { id: paid, status: 'refunded', resolution: 'confirmed', appointment: 'cancelled' },
    { id: unpaid, status: 'cancelled', resolution: null, appointment: 'cancelled' },
  ])
  const [first, second] = rows.map(({ providerRef }) =>
    stripe.findIntent(providerRef!, { expand: { 0: 'latest_charge' } }),
  )
  expect(first!.latest_charge).toMatchObject({ amount_captured: PRICE, amount_refunded: PRICE })
  expect(second).toMatchObject({ status: 'canceled', latest_charge: null })
}

for (const point of POINTS)
  test(`killed at each ${point} of its work on payments, it ends as if nothing had been`, async () => {
    for (let nth = FIRST; nth < FIRST + MOST; nth++) {
      const before = stripe.count()
      const server = runServer(`${point}:${nth}`)
      await expectAgreement(await livePayments(server))
      // Two payments and two refunds at the provider, however often anything was tried.
      const { payments, refunds } = stripe.count()
      expect([payments - before.payments, refunds - before.refunds]).toEqual([2, 2])
      await server.stop()
      if (server.deaths() === 0) {
        expect(nth).toBeGreaterThan(3)
        console.log(`${point}: ${nth - 1} points`)
        break
      }
      expect(server.deaths()).toBe(1)
    }
  }, 600_000)
