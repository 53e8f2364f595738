import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { newId } from '../../src/database/ids'
import { inTransaction } from '../../src/database/transaction'
import type { Deps } from '../../src/deps'
import type { Jobs } from '../../src/jobs/queue'
import { insertLedgerEntry } from '../../src/ledger/entry-rows'
import { processPaymentEvent, receiveWebhook } from '../../src/payments/webhooks/service'
import { createPaymentsApp } from '../payments/payments-app'
import { type StripeServer, startStripeServer } from '../payments/providers/stripe-server'
import { NOW } from '../support/app'

/** Orders of five events per story, and sequences per order with other repeats and delays: 10,080 at full scale. */
const FULL = process.env.TEST_SCALE === 'full'
const ORDERS = FULL ? 120 : 4
const TELLINGS = FULL ? 14 : 2
const SEED = Number(process.env.TEST_SEED ?? Math.floor(Math.random() * 2 ** 31))
const WORKERS = 8
const DAY = 86_400_000
const SECRET = 'whsec_permutations'
const SECRET_KEY = 'sk_test_permutations'

type Event = { type: string; rawBody: string }
const EventJob = z.object({ eventId: z.string() })
let events: Event[] = []
let second = 0
const server: StripeServer = await startStripeServer({
  secretKey: SECRET_KEY,
  clock: () => new Date(NOW.getTime() + second * 1_000),
  onEvent: (event) => void events.push(event),
})
const t = await createPaymentsApp({
  CARD_PROVIDER: 'stripe',
  STRIPE_SECRET_KEY: SECRET_KEY,
  STRIPE_WEBHOOK_SECRETS: SECRET,
  STRIPE_BASE_URL: server.url,
})
afterAll(() => server.close())

/** Stories at the provider; each causes five events about a payment or its refunds. */
const STORIES: Record<string, (act: Actions) => void> = {
  'declined, then paid, then refunded elsewhere in two parts': (act) => {
    act.pay('fail')
    act.pay('require_action')
    act.pay('succeed')
    act.refund(2_000)
    act.refund(7_500)
  },
  'paid slowly, then a refund that fails': (act) => {
    act.pay('require_action')
    act.pay('process')
    act.pay('succeed')
    act.fail(act.refund(2_000))
  },
  'declined twice, then cancelled': (act) => {
    act.pay('fail')
    act.pay('require_action')
    act.pay('fail')
    act.pay('require_action')
    act.cancel()
  },
  'paid, then one of our two refunds fails': (act) => {
    act.pay('succeed')
    act.fail(act.refund(2_000, 0))
    act.updated(act.refund(3_000, 1))
  },
  'declined, paid and refunded within one second': (act) => {
    second -= 5
    act.pay('fail', 0)
    act.pay('require_action', 0)
    act.pay('succeed', 0)
    act.fail(act.refund(1_000, undefined, 0), 0)
  },
  'paid, then refunded in four parts, the first by us': (act) => {
    act.pay('succeed')
    act.refund(2_000, 0)
    act.refund(1)
    act.refund(2)
    act.refund(9_500 - 2_003)
  },
}
/** Our refunds that the ledger has before the first event, by story. */
const OURS: Record<string, number[]> = {
  'paid, then one of our two refunds fails': [2_000, 3_000],
  'paid, then refunded in four parts, the first by us': [2_000],
}

type Payment = { id: string; ref: string; refundIds: string[] }
type Actions = ReturnType<typeof actionsOn>

function actionsOn({ ref, refundIds }: Payment) {
  const later = (seconds: number) => {
    second += seconds
  }
  return {
    pay(outcome: 'succeed' | 'fail' | 'require_action' | 'process', seconds = 1) {
      later(seconds)
      server.confirm(ref, outcome)
    },
    cancel() {
      later(1)
      server.cancelIntent(ref)
    },
    refund(amount: number, ours?: number, seconds = 1): string {
      later(seconds)
      const metadata: Record<string, string> = ours === undefined ? {} : { refund_id: refundIds[ours]! }
      return server.createRefund({ payment_intent: ref, amount: String(amount), metadata }).id
    },
    fail(refund: string, seconds = 1) {
      later(seconds)
      server.failRefund(refund)
    },
    updated(refund: string) {
      later(1)
      server.emit('refund.updated', server.findRefund(refund))
    },
  }
}

describe('payment events', () => {
  let bases: string[] = []
  beforeAll(async () => {
    bases = []
    for (let i = 0; i < WORKERS; i++) {
      // One doctor each, since payments of one doctor take turns.
      const doctor = await t.newDoctor({ clinicId: t.clinic.id })
      const visit = { patient: await t.newPatient(), doctor, startsAt: NOW, status: 'completed' } as const
      bases.push((await t.newAppointment(visit)).id)
    }
    console.log(`seed ${SEED}: TEST_SEED=${SEED} tells the same again`)
  })

  /** A payment of its own completed appointment, so that only the money changes. */
  async function newPayment(worker: number, ours: number[]): Promise<Payment> {
    const appointmentId = newId()
    const id = newId()
    await sql`
      insert into appointments
      select (jsonb_populate_record(a, jsonb_build_object('id', ${appointmentId}::text))).* from appointments a
      where a.id = ${bases[worker]!}`.execute(t.db)
    const { id: ref } = server.createIntent({
      amount: '9500',
      currency: 'usd',
      capture_method: 'automatic',
      metadata: { payment_id: id },
    })
    const payment = { id, appointmentId, amount: 9_500, currency: 'USD', method: 'card', provider: 'stripe' } as const
    const opened = ours.length > 0 ? { providerRef: ref } : {}
    await t.db
      .insertInto('payments')
      .values({ ...payment, ...opened, status: 'pending', createdBy: t.admin.userId })
      .execute()
    const refundIds = ours.map(() => newId())
    if (ours.length > 0)
      await inTransaction(t.deps, async ({ db }) => {
        const entry = { paymentId: id, currency: 'USD', provider: 'stripe' }
        const charge = { ...entry, id: newId(), kind: 'charge', amount: 9_500, status: 'succeeded' } as const
        await insertLedgerEntry(
          db,
          { ...charge, providerRef: ref },
          { status: 'succeeded', providerStatus: 'succeeded' },
        )
        for (const [i, amount] of ours.entries()) {
          const refund = { ...entry, id: refundIds[i]!, kind: 'refund', amount, status: 'pending' } as const
          await insertLedgerEntry(db, { ...refund, reason: 'other' }, { status: 'partially_refunded' })
        }
      })
    return { id, ref, refundIds }
  }

  /** Sends one sequence as webhooks, each event at its own time, and runs the jobs that this leaves. */
  async function tell(sequence: { event: Event; at: Date }[]): Promise<void> {
    const waiting: string[] = []
    const jobs: Jobs = {
      ...t.deps.jobs,
      enqueue: async (_db, name, payloads) => {
        if (name === 'payments.event') for (const payload of payloads) waiting.push(EventJob.parse(payload).eventId)
      },
    }
    for (const { event, at } of sequence) {
      const deps: Deps = { ...t.deps, jobs, clock: () => at }
      const headers = new Headers({ 'stripe-signature': await server.sign(event.rawBody, SECRET, at) })
      await receiveWebhook(deps, 'stripe', event.rawBody, headers)
      for (let id = waiting.shift(); id; id = waiting.shift()) await processPaymentEvent(deps, id)
    }
  }

  async function stateOf({ id, ref }: Payment) {
    const payment = await t.db
      .selectFrom('payments')
      .select([
        'status',
        'providerStatus',
        'failureCode',
        'chargedAmount',
        'refundedAmount',
        'resolution',
        'superseded',
      ])
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const entries = await t.db
      .selectFrom('paymentEntries')
      .select(['kind', 'amount', 'status'])
      .where('paymentId', '=', id)
      .orderBy('kind')
      .orderBy('amount')
      .orderBy('status')
      .execute()
    const charge = server.findIntent(ref, { expand: { 0: 'latest_charge' } }).latest_charge
    const taken = typeof charge === 'object' && charge?.status === 'succeeded' ? charge.amount : 0
    const returned = typeof charge === 'object' ? (charge?.amount_refunded ?? 0) : 0
    const sum = (kind: string) =>
      entries.reduce((total, entry) => total + (entry.kind === kind && entry.status !== 'failed' ? entry.amount : 0), 0)
    return { payment, entries, ledger: [sum('charge'), sum('refund')], totals: [taken, returned] }
  }

  test.each(Object.entries(STORIES))(
    'five payment events in any order, late and repeated, lead to the same state: %s',
    async (name, story) => {
      const random = seeded(SEED + name.length)
      const orders = shuffle(permutations([0, 1, 2, 3, 4]), random).slice(0, ORDERS)
      const make = async (worker: number) => {
        const payment = await newPayment(worker, OURS[name] ?? [])
        // No await in between, so that the list of events belongs to this payment alone.
        events = []
        story(actionsOn(payment))
        const told = events.filter(({ type }) => /^(payment_intent|refund)\./.test(type))
        return { payment, told }
      }

      const first = await make(0)
      expect(first.told).toHaveLength(5)
      await tell(first.told.map((event) => ({ event, at: NOW })))
      const expected = await stateOf(first.payment)
      expect(expected.ledger).toEqual(expected.totals)
      expect([expected.payment.chargedAmount, expected.payment.refundedAmount]).toEqual(expected.totals)

      const sequences = orders.flatMap((order) => Array.from({ length: TELLINGS }, () => withRepeats(order, random)))
      await Promise.all(
        Array.from({ length: WORKERS }, async (_, worker) => {
          for (let next = sequences.pop(); next; next = sequences.pop()) {
            const sequence = next
            const { payment, told } = await make(worker)
            await tell(sequence.map(({ index, at }) => ({ event: told[index]!, at })))
            const state = await stateOf(payment)
            if (!Bun.deepEquals(state, expected))
              throw new Error(
                `${name}, ${JSON.stringify(sequence)}:\n${JSON.stringify(state)}\n${JSON.stringify(expected)}`,
              )
          }
        }),
      )
    },
    600_000,
  )
})

/** Each event at least once, at first in this order, some again later, within five days. */
function withRepeats(order: number[], random: () => number) {
  const told = [...order]
  for (const index of order)
    while (random() < 0.25) told.splice(told.indexOf(index) + 1 + Math.floor(random() * told.length), 0, index)
  const times = told.map(() => Math.floor(random() * 5 * DAY)).sort((a, b) => a - b)
  return told.map((index, i) => ({ index, at: new Date(NOW.getTime() + times[i]!) }))
}

function permutations(items: number[]): number[][] {
  if (items.length === 0) return [[]]
  return items.flatMap((item) => permutations(items.filter((other) => other !== item)).map((rest) => [item, ...rest]))
}

function shuffle<T>(items: T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, key: random() }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
