import { afterAll, expect, test } from 'bun:test'
import { join } from 'node:path'
import type { Caller } from '../../src/actor'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { sweepPayments } from '../../src/payments/sweeper'
import { addDays, localDay } from '../../src/scheduling/local-time'
import { createJobRunner } from '../jobs/run-jobs'
import { createPaymentsApp } from '../payments/payments-app'
import { startStripeServer } from '../payments/providers/stripe-server'
import { startServer } from '../support/server'

const FULL = process.env.TEST_SCALE === 'full'
/** Where the API dies: at full scale after every commit and around every call, until a point is never reached. */
const POINTS = FULL ? ['commit', 'before', 'after'] : ['commit']
const FIRST = FULL ? 1 : 4
const MOST = FULL ? 40 : 1
/** Most of the time is spent on waiting for jobs, so several worlds wait at once, each on its own databases. */
const WORLDS = FULL ? 6 : 1
const SECRET = 'whsec_kill'
const SECRET_KEY = 'sk_test_kill'
const PRICE = 9_500

async function createWorld() {
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
  // The server uses the real time.
  t.clock.set(new Date())
  const jobs = await createJobRunner(t)
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

  /** Runs jobs like another copy, and sweeps half a minute later, when jobs of a dead process may be repeated. */
  async function helpOut(): Promise<void> {
    t.clock.set(new Date())
    await jobs.run()
    const later = new Date(Date.now() + 30_000)
    await sweepPayments({ ...t.deps, clock: () => later })
  }
  return { t, stripe, webhooks, doctor, newStart, helpOut }
}

type World = Awaited<ReturnType<typeof createWorld>>

/** An API process that restarts after a crash, and clients that retry until they have an answer. */
function runServer({ t, stripe, webhooks }: World, crashAt: string) {
  const preload = join(import.meta.dir, 'crash-at.ts')
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
      // The request that awaits it sees the failure.
      void url.catch(() => {})
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
        // The server has crashed or is not up yet.
      }
      await Bun.sleep(20)
    }
  }

  let keys = 0
  async function as(actor: Caller, method: 'GET' | 'POST' | 'PUT', path: string, body?: object) {
    const authorization = `Bearer ${await signAccessToken(t.deps.config, actor, new Date())}`
    const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': `${crashAt}-${keys++}` }
    return request(method, path, headers, body && JSON.stringify(body))
  }

  /** Like Stripe, sends each event until it is accepted. */
  async function deliverWebhooks(): Promise<void> {
    for (const rawBody of webhooks.splice(0)) {
      const signature = await stripe.sign(rawBody, SECRET, new Date())
      const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
      expect(await request('POST', '/webhooks/payments/stripe', headers, rawBody)).toMatchObject({ status: 204 })
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

/** Holds, pays, refunds a part and cancels; then cancels a second appointment before it is paid. */
async function livePayments(world: World, server: Server): Promise<{ paid: string; unpaid: string }> {
  const { t, stripe, webhooks } = world
  const patient = await t.newPatient()

  async function until(holds: () => Promise<boolean>): Promise<void> {
    const deadline = Date.now() + 120_000
    while (!(await holds())) {
      if (Date.now() > deadline) throw new Error('it never came to that')
      await server.deliverWebhooks()
      if (server.deaths() > 0) await world.helpOut()
      await Bun.sleep(50)
    }
  }
  async function begin() {
    const wanted = { doctorId: world.doctor.id, startsAt: world.newStart() }
    const held = await server.as(patient.actor, 'POST', '/appointments', wanted)
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
  async function isAllHeard(): Promise<boolean> {
    const left = await t.db.selectFrom('paymentEvents').select('id').where('processedAt', 'is', null).execute()
    return left.length + webhooks.length === 0
  }

  const first = await begin()
  stripe.confirm(first.ref, 'succeed')
  await until(async () => (await read(first.id)).status === 'succeeded')
  const booked = await server.as(patient.actor, 'GET', `/appointments/${first.appointmentId}`)
  expect(booked.body).toMatchObject({ status: 'booked' })
  await server.as(t.admin, 'POST', `/payments/${first.id}/refunds`, { amount: 1_000, reason: 'Late' })
  await until(async () => (await read(first.id)).refundable === PRICE - 1_000 && (await isMade(first.id)))
  const cancelled = await server.as(patient.actor, 'PUT', `/appointments/${first.appointmentId}/cancel`)
  expect(cancelled).toMatchObject({ status: 200 })
  await until(async () => (await read(first.id)).status === 'refunded' && (await isMade(first.id)))

  const second = await begin()
  await server.as(patient.actor, 'PUT', `/appointments/${second.appointmentId}/cancel`)
  await until(async () => stripe.findIntent(second.ref, {}).status === 'canceled')
  await until(isAllHeard)
  return { paid: first.id, unpaid: second.id }
}

async function expectAgreement({ t, stripe }: World, { paid, unpaid }: { paid: string; unpaid: string }) {
  const entries = await t.db
    .selectFrom('paymentEntries')
    .select(['kind', 'amount', 'status'])
    .where('paymentId', '=', paid)
    .orderBy('kind')
    .orderBy('amount')
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

/** Kills the API at this point; returns whether the point was reached. */
async function dieAt(world: World, point: string, nth: number): Promise<boolean> {
  const before = world.stripe.count()
  const server = runServer(world, `${point}:${nth}`)
  try {
    await expectAgreement(world, await livePayments(world, server))
    // The provider has two payments and two refunds, however many retries there were.
    const { payments, refunds } = world.stripe.count()
    expect([payments - before.payments, refunds - before.refunds]).toEqual([2, 2])
    expect(server.deaths()).toBeLessThanOrEqual(1)
    return server.deaths() === 1
  } finally {
    await server.stop()
  }
}

const idle: World[] = []
for (let i = 0; i < WORLDS; i++) idle.push(await createWorld())

test(`a payment reaches its normal end even if the API is killed at each ${POINTS.join(', ')}`, async () => {
  const left = POINTS.map((point) => ({ point, next: FIRST, reached: 0, over: false }))
  await Promise.all(
    idle.map(async (world) => {
      for (;;) {
        const some = left.filter(({ next, over }) => !over && next < FIRST + MOST)
        const one = some.sort((a, b) => a.next - b.next)[0]
        if (!one) return
        if (await dieAt(world, one.point, one.next++)) one.reached++
        else one.over = true
      }
    }),
  )
  for (const { point, reached, over } of left) {
    expect([point, over]).toEqual([point, FULL])
    expect(reached).toBeGreaterThanOrEqual(FULL ? 4 : MOST)
    console.log(`${point}: ${reached} points`)
  }
}, 600_000)
