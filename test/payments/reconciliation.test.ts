import { afterAll, beforeEach, describe, expect, test } from 'bun:test'
import { runCommand } from '../../src/commands/command'
import { reconcileCommand } from '../../src/commands/reconcile-command'
import { reconcileFinishedDays } from '../../src/payments/reconciliation/nightly'
import { daysRange, reconcile } from '../../src/payments/reconciliation/service'
import { NOW } from '../support/app'
import { builtProgram } from '../support/server'
import { createCardApp } from './card-app'
import { createStripeApp } from './stripe-app'

const MINUTE = 60_000
const DAY = '2026-01-05'
const HOUR = 60 * MINUTE
const LATER = new Date(NOW.getTime() + HOUR)

/** For each provider: an app, and functions that make the ledger and the provider differ. */
const WORLDS = { sandbox: sandboxWorld, stripe: stripeWorld }

async function sandboxWorld() {
  const t = await createCardApp()
  return {
    t,
    name: 'sandbox',
    cardPayment: t.cardPayment,
    settle: t.settle,
    lose: async () => void (await t.takeWebhooks()),
    pay: (ref: string, outcome: 'succeed' | 'fail') => void t.payers.pay(ref, outcome),
    async refundElsewhere(ref: string, amount: number) {
      const refundId = crypto.randomUUID()
      await t.payers.refund({ ref, refundId, amount, currency: 'USD', idempotencyKey: refundId, reason: 'other' })
    },
    refunded: async (ref: string) => (await t.payers.getPayment(ref)).refunded,
  }
}

async function stripeWorld() {
  const t = await createStripeApp()
  return {
    t,
    name: 'stripe',
    cardPayment: t.cardPayment,
    settle: t.settle,
    lose: async () => t.loseWebhooks(),
    pay: t.stripe.confirm,
    async refundElsewhere(ref: string, amount: number) {
      t.stripe.createRefund({ payment_intent: ref, amount: String(amount), metadata: {} })
    },
    async refunded(ref: string) {
      const charge = t.stripe.findIntent(ref, { expand: { 0: 'latest_charge' } }).latest_charge
      return typeof charge === 'object' ? (charge?.amount_refunded ?? 0) : 0
    },
  }
}

describe.each(['sandbox', 'stripe'] as const)('reconciliation with %s', async (name) => {
  const { t, cardPayment, lose, pay, refundElsewhere, refunded, settle } = await WORLDS[name]()
  const provider = t.deps.paymentProviders.named(name)!

  /** Each test uses its own day. */
  let noon = NOW
  beforeEach(() => {
    noon = new Date(noon.getTime() + 24 * HOUR)
    t.clock.set(noon)
  })
  async function compare(fix = false) {
    t.clock.set(new Date(noon.getTime() + HOUR))
    const report = await reconcile(t.deps, provider, { ...daysRange(noon.toISOString().slice(0, 10)), fix })
    t.clock.set(noon)
    return report
  }
  async function paid() {
    const payment = await cardPayment()
    pay(payment.ref, 'succeed')
    await settle()
    return payment
  }

  /** The difference is listed, stays without `fix`, is repaired with `fix`, and is then gone. */
  async function expectRepaired(difference: object) {
    for (let i = 0; i < 2; i++) expect((await compare()).found).toMatchObject([difference])
    expect(await compare(true)).toMatchObject({ found: [difference], remaining: [] })
    expect((await compare(true)).found).toEqual([])
  }

  test('reconciliation lists nothing when ledger and provider agree', async () => {
    const { id } = await paid()
    await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 500, reason: 'x' })
    await settle()
    await cardPayment()
    expect(await compare(true)).toMatchObject({ compared: 3, found: [] })
  })

  test('reconciliation enters and settles a payment whose webhook was lost, with one audit event', async () => {
    const { id, ref } = await cardPayment()
    pay(ref, 'succeed')
    await lose()
    const before = (await t.auditOf(id)).length
    await expectRepaired({ kind: 'missing_here', of: 'payment', id, ref, here: '9500 USD pending' })
    expect(await t.read(id)).toMatchObject({ status: 'succeeded', refundable: 9500 })
    const events = (await t.auditOf(id)).slice(before).filter(({ kind }) => kind !== 'payment.read')
    expect(events).toMatchObject([{ kind: 'payment.settle', actorId: null, detail: { status: 'succeeded' } }])
    expect(events[0]!.requestId).toStartWith('payment-reconcile-')
  })

  test('reconciliation enters a refund made outside the API whose webhook was lost', async () => {
    const { id, ref } = await paid()
    await refundElsewhere(ref, 2_000)
    await lose()
    await expectRepaired({ kind: 'missing_here', of: 'refund', here: null, there: '2000 USD succeeded' })
    expect(await t.read(id)).toMatchObject({ status: 'partially_refunded', refundable: 7_500 })
  })

  test('reconciliation enters a payment and its refund whose webhooks were lost in order', async () => {
    const { id, ref } = await cardPayment()
    pay(ref, 'succeed')
    await refundElsewhere(ref, 9_500)
    await lose()
    expect((await compare(true)).remaining).toEqual([])
    expect(await t.read(id)).toMatchObject({ status: 'refunded', refundable: 0 })
  })

  test('reconciliation sends a refund that was never sent to the provider, once', async () => {
    const { id, ref } = await paid()
    await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 700, reason: 'x' })
    await t.jobs.boss.deleteAllJobs('payments.refund')
    const { entries } = await t.read(id)
    await expectRepaired({ kind: 'missing_there', of: 'refund', there: null, id: entries[1].id })
    await settle()
    expect(await refunded(ref)).toBe(700)
    expect(await t.read(id)).toMatchObject({ entries: [{}, { amount: 700, status: 'succeeded' }] })
  })

  test('reconciliation finds a refund whose answer was lost by its id', async () => {
    const { id, ref } = await paid()
    await t.as(t.admin).post(`/payments/${id}/refunds`, { amount: 700, reason: 'x' })
    await settle()
    const lost = { status: 'pending', providerRef: null, settledAt: null } as const
    await t.db
      .updateTable('paymentEntries')
      .set(lost)
      .where('paymentId', '=', id)
      .where('kind', '=', 'refund')
      .execute()
    const { entries } = await t.read(id)
    await expectRepaired({ kind: 'other_status', of: 'refund', here: '700 USD pending', id: entries[1].id })
    expect(await refunded(ref)).toBe(700)
  })

  test('reconciliation enters a declined card whose webhook was lost', async () => {
    const { id, ref } = await cardPayment()
    pay(ref, 'fail')
    await lose()
    await expectRepaired({ kind: 'other_status', there: '9500 USD failed' })
    expect(await t.read(id)).toMatchObject({ status: 'failed' })
  })

  test('reconciliation lists a payment that the provider does not have, and does not repair it', async () => {
    const { id } = await paid()
    await t.db.updateTable('payments').set({ providerRef: 'none_1' }).where('id', '=', id).execute()
    const { remaining } = await compare(true)
    expect(remaining).toMatchObject([
      { kind: 'missing_here', here: '9500 USD succeeded' },
      { kind: 'missing_there', ref: 'none_1', there: null },
    ])
    expect(await t.read(id)).toMatchObject({ status: 'succeeded' })
  })

  test('reconciliation lists a payment with a different amount, and does not repair it', async () => {
    const { id, ref } = await cardPayment()
    await t.db.updateTable('payments').set({ amount: 9_400 }).where('id', '=', id).execute()
    pay(ref, 'succeed')
    await lose()
    const { remaining } = await compare(true)
    expect(remaining).toMatchObject([
      { kind: 'other_amount', id, here: '9400 USD pending', there: '9500 USD succeeded' },
    ])
    expect(await t.read(id)).toMatchObject({ status: 'pending', entries: [] })
  })

  test('reconciliation leaves a recent payment to its webhook', async () => {
    const { ref } = await cardPayment()
    pay(ref, 'succeed')
    await lose()
    t.clock.set(new Date(noon.getTime() + 14 * MINUTE))
    expect(await reconcile(t.deps, provider, { from: noon, until: t.clock.now(), fix: true })).toMatchObject({
      found: [],
    })
  })
})

describe('reconciliation of a Stripe account', async () => {
  const t = await createStripeApp()
  const provider = t.deps.paymentProviders.named('stripe')!

  test('reconciliation corrects a refund that failed later and ignores other business of the Stripe account', async () => {
    const { id, ref } = await t.cardPayment()
    t.stripe.confirm(ref, 'succeed')
    await t.settle()
    const refund = t.stripe.createRefund({ payment_intent: ref, amount: '100', metadata: {} })
    await t.settle()
    t.stripe.failRefund(refund.id)
    const shop = t.stripe.createIntent({ amount: '100', currency: 'usd', capture_method: 'automatic' })
    t.stripe.confirm(shop.id, 'succeed')
    t.stripe.createRefund({ payment_intent: shop.id, amount: '50' })
    t.loseWebhooks()
    t.clock.set(LATER)
    const report = await reconcile(t.deps, provider, { ...daysRange(DAY), fix: true })
    expect(report).toMatchObject({ found: [{ kind: 'other_status', there: '100 USD failed' }], remaining: [] })
    expect(await t.read(id)).toMatchObject({ refundable: 9_500, entries: [{}, { status: 'failed' }] })
  })

  test('the reconcile command lists, repairs and shows by its exit code whether both sides agree', async () => {
    t.clock.set(NOW)
    const { id, ref } = await t.cardPayment()
    t.stripe.confirm(ref, 'succeed')
    t.loseWebhooks()
    const days = ['--from', '2026-01-04', '--to', DAY]
    const listed = await call(days)
    expect(listed).toMatchObject({
      code: 1,
      out: [
        `missing here  payment  ${id} (${ref})  here: 9500 USD pending  there: 9500 USD succeeded`,
        expect.stringMatching(/^stripe: \d+ entries compared, 1 differed, 1 differ$/),
      ],
    })
    expect(await run([...days, '--fix'])).toMatchObject({
      code: 0,
      out: [expect.stringMatching(/ {2}REPAIRED$/), expect.stringMatching(/1 differed, 0 differ$/)],
    })
    expect(await run(days)).toMatchObject({ code: 0, out: [expect.stringMatching(/0 differed, 0 differ$/)] })
    expect(await t.read(id)).toMatchObject({ status: 'succeeded' })
  })

  test('the reconcile command states in a sentence why it cannot compare, and exits with 2', async () => {
    const [usage, reversed, down] = await Promise.all([
      run(['--from', '2026-01-04', '--to', 'monday']),
      run(['--from', DAY, '--to', '2026-01-04']),
      run(['--from', DAY, '--to', DAY], { STRIPE_BASE_URL: 'http://127.0.0.1:1' }),
    ])
    expect(usage).toMatchObject({ code: 2, err: expect.stringContaining('monday is no day') })
    expect(reversed).toMatchObject({ code: 2, err: expect.stringContaining('--to must not lie before --from') })
    expect(down).toMatchObject({ code: 2, err: expect.stringMatching(/^Could not be compared: stripe: unavailable/) })
  })

  async function run(words: string[], env: Record<string, string> = {}) {
    const [out, err]: [string[], string[]] = [[], []]
    const print = (lines: string[]) => (line: string) => void lines.push(line)
    const output = { print: print(out), warn: print(err) }
    const code = await runCommand(reconcileCommand, words, { ...t.env, ...env }, output)
    return { out, err: err.join('\n'), code }
  }

  /** Runs the built command as a terminal would. */
  async function call(words: string[]) {
    const child = Bun.spawn([process.execPath, builtProgram('reconcile-command'), ...words], {
      env: { PATH: process.env.PATH, ...t.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, code] = await Promise.all([new Response(child.stdout).text(), child.exited])
    return { out: out.split('\n').slice(0, -1), code }
  }
})

describe('nightly reconciliation', async () => {
  const t = await createCardApp()
  afterAll(() => t.clock.set(NOW))
  const days = () => t.db.selectFrom('paymentReconciliations').selectAll().orderBy('day').execute()

  test('each day is reconciled once by one copy, an hour after it has ended', async () => {
    const { id, ref } = await t.cardPayment()
    t.payers.pay(ref, 'succeed')
    await t.takeWebhooks()
    t.clock.set('2026-01-06T00:59:59Z')
    await reconcileFinishedDays(t.deps)
    expect(await t.read(id)).toMatchObject({ status: 'pending' })
    const compared = (await days()).map(({ day }) => day)
    expect([compared.length, compared[0], compared.at(-1)]).toEqual([7, '2025-12-29', '2026-01-04'])

    t.clock.set('2026-01-06T01:00:00Z')
    const done = await Promise.all(Array.from({ length: 4 }, () => reconcileFinishedDays(t.deps)))
    expect(done.toSorted()).toEqual([0, 0, 0, 1])
    expect(await t.read(id)).toMatchObject({ status: 'succeeded' })
    expect((await days()).at(-1)).toMatchObject({ day: '2026-01-05', compared: 1, repaired: 1, remaining: 0 })
    expect(await reconcileFinishedDays(t.deps)).toBe(0)
  })

  test('a day is reconciled an hour later when the provider did not answer', async () => {
    t.clock.set('2026-01-07T01:00:00Z')
    t.payers.disturb('down')
    expect(await reconcileFinishedDays(t.deps)).toBe(0)
    expect(await reconcileFinishedDays(t.deps)).toBe(0)
    expect((await days()).at(-1)).toMatchObject({ day: '2026-01-06', finishedAt: null })
    t.clock.set('2026-01-07T02:00:01Z')
    expect(await reconcileFinishedDays(t.deps)).toBe(1)
    expect((await days()).at(-1)).toMatchObject({ remaining: 0, finishedAt: t.clock.now() })
  })
})
