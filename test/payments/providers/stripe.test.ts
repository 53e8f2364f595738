import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { Stripe } from 'stripe'
import type { PaymentProvider } from '../../../src/ledger/provider'
import { createStripe } from '../../../src/payments/providers/stripe'
import { fromStripeMoney, stripeAmountStep, toStripeMoney } from '../../../src/payments/providers/stripe-amounts'
import { signWebhook } from '../../../src/payments/providers/webhook-signature'
import { describeProvider } from './contract'
import type { ContractFault } from './contract-world'
import { fails } from './fails'
import { type NetworkFault, type StripeServer, startStripeServer } from './stripe-server'

const NOW = new Date('2026-01-05T12:00:00Z')
const SECRET_KEY = 'sk_test_0123456789'
const SECRETS: [string, string] = ['whsec_first', 'whsec_second']
const DEADLINE = 300

const FAULTS: Record<ContractFault, NetworkFault> = {
  lost_request: 'cut_before',
  lost_answer: 'cut_after',
  rubbish: { status: 200, body: '<html>It works!</html>' },
  error: 'server_error',
  slow: 'slow',
}

describeProvider('stripe', async () => {
  let sent: string[] = []
  const onEvent = ({ rawBody }: { rawBody: string }) => void sent.push(rawBody)
  const server = await startStripeServer({ secretKey: SECRET_KEY, clock: () => NOW, onEvent })
  const sign = async (rawBody: string, secret: string, at: Date) =>
    new Headers({ 'stripe-signature': await server.sign(rawBody, secret, at) })
  const options = { secretKey: SECRET_KEY, webhookSecrets: SECRETS, baseUrl: server.url }
  return {
    provider: createStripe({ ...options, deadlineMs: DEADLINE, pageSize: 3 }),
    now: NOW,
    secrets: SECRETS,
    pay: async (ref, outcome) => server.confirm(ref, outcome),
    disturb: (fault, only) => server.disturb(FAULTS[fault], { only }),
    count: server.count,
    takeWebhooks() {
      const taken = sent
      sent = []
      return Promise.all(taken.map(async (rawBody) => ({ rawBody, headers: await sign(rawBody, SECRETS[0], NOW) })))
    },
    sign,
    otherEvent() {
      server.emit('customer.created', { id: 'cus_1', object: 'customer' })
      return sent.pop()!
    },
    close: server.close,
  }
})

describe('Stripe provider', () => {
  const events: { type: string; rawBody: string }[] = []
  let server: StripeServer
  let stripe: PaymentProvider
  const options = { secretKey: SECRET_KEY, webhookSecrets: SECRETS, deadlineMs: DEADLINE }
  beforeAll(async () => {
    server = await startStripeServer({
      secretKey: SECRET_KEY,
      clock: () => NOW,
      onEvent: (event) => events.push(event),
    })
    stripe = createStripe({ ...options, baseUrl: server.url })
  })
  // A call that fails early may leave the fault of its second request to the next test.
  afterEach(() => server.calm())
  afterAll(() => server.close())

  const newRequest = () => {
    const paymentId = crypto.randomUUID()
    return { paymentId, amount: 9500, currency: 'USD', idempotencyKey: `payment-${paymentId}` }
  }
  const createPaid = async () => {
    const payment = await stripe.createPayment(newRequest())
    server.confirm(payment.ref, 'succeed')
    return payment
  }
  const refundOf = (ref: string, amount: number) => {
    const refundId = crypto.randomUUID()
    return { ref, refundId, amount, currency: 'USD', idempotencyKey: refundId, reason: 'cancelled_by_patient' } as const
  }
  const verify = async ({ rawBody }: { rawBody: string }) => {
    const headers = new Headers({ 'stripe-signature': await server.sign(rawBody, SECRETS[0], NOW) })
    return stripe.verifyWebhook(rawBody, headers, NOW)
  }

  describe('answers that are not from the Stripe API', () => {
    const ANSWERS: [title: string, fault: NetworkFault][] = [
      ['an HTML page', { status: 200, body: '<html>Welcome to your hotel</html>' }],
      ['an empty body', { status: 200, body: '' }],
      ['half of the real answer', 'cut_during'],
      ['truncated JSON', { status: 200, body: '{"id": "pi_1", "obj' }],
      ['JSON that is a string', { status: 200, body: '"ok"' }],
      ['JSON that is null', { status: 200, body: 'null' }],
      ['a list', { status: 200, body: '[]' }],
      ['an empty object', { status: 200, body: '{}' }],
      ['another object', { status: 200, body: '{"id":"cus_1","object":"customer"}' }],
      ['an amount that is text', { status: 200, body: '{"id":"pi_1","object":"payment_intent","amount":"9500"}' }],
      ['a 502 page', 'bad_gateway'],
      ['a 503 with JSON of a proxy', { status: 503, body: '{"message":"no healthy upstream"}' }],
      ['a 404 with JSON of a proxy', { status: 404, body: '{"message":"no Route matched"}' }],
      ['a redirect', { status: 307, body: '' }],
      ['an error in another form', { status: 500, body: '{"error":"oops"}' }],
      ['too many requests in the old form', { status: 400, body: '{"error":{"code":"rate_limit"}}' }],
      ['too many requests', { status: 429, body: '{"error":{"type":"invalid_request_error","code":"rate_limit"}}' }],
    ]

    test.each(ANSWERS)('a Stripe answer of %s is unavailable, and a retry makes one payment', async (_title, fault) => {
      const before = server.count().payments
      const request = newRequest()
      server.disturb(fault)
      await fails('unavailable', stripe.createPayment(request))
      expect(await stripe.createPayment(request)).toMatchObject({ status: 'pending', paymentId: request.paymentId })
      expect(server.count().payments).toBe(before + 1)
    })

    test.each(ANSWERS)('a Stripe answer of %s is unavailable for listings and refunds too', async (_title, fault) => {
      const { ref } = await createPaid()
      const request = refundOf(ref, 100)
      server.disturb(fault)
      await fails('unavailable', stripe.listEntries({ from: NOW, until: new Date(NOW.getTime() + 1000) }))
      server.disturb(fault)
      await fails('unavailable', stripe.refund(request))
      server.disturb(fault, { only: 'write' })
      await fails('unavailable', stripe.refund(request))
      await stripe.refund(request)
      expect(await stripe.getPayment(ref)).toMatchObject({ refunded: 100 })
    })
  })

  test('a redirect from Stripe is not followed, because it would send the secret key elsewhere', async () => {
    let visits = 0
    using elsewhere = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => Response.json({ visits: ++visits }) })
    server.disturb({ status: 307, body: '', headers: { location: elsewhere.url.href } })
    await fails('unavailable', stripe.createPayment(newRequest()))
    expect(visits).toBe(0)
  })

  test('one call to Stripe is one request, without hidden retries', async () => {
    const before = server.requests()
    server.disturb('cut_before')
    await stripe.createPayment(newRequest()).catch(() => undefined)
    server.disturb('server_error')
    await stripe.createPayment(newRequest()).catch(() => undefined)
    expect(server.requests()).toBe(before + 2)
  })

  test('a Stripe refund keeps the deadline over both of its requests', async () => {
    const { ref } = await createPaid()
    server.disturb({ delayMs: DEADLINE * 0.8 })
    server.disturb('slow')
    const start = performance.now()
    await fails('unavailable', stripe.refund(refundOf(ref, 100)))
    expect(performance.now() - start).toBeLessThan(DEADLINE * 1.6)
  })

  test('a Stripe address without a server is unavailable', async () => {
    const nowhere = createStripe({ ...options, baseUrl: 'http://127.0.0.1:1' })
    await fails('unavailable', nowhere.createPayment(newRequest()))
  })

  test('a wrong Stripe key is rejected, and the error contains neither the key nor the answer', async () => {
    const other = createStripe({ ...options, secretKey: 'sk_test_wrong', baseUrl: server.url })
    const error = await fails('rejected', other.createPayment(newRequest()))
    expect(error.code).toBe('invalid_request_error')
    expect(error.cause).toBeUndefined()
    expect(Bun.inspect(error)).not.toContain('sk_test')
  })

  test('a declined card is reported with its code and without the card holder', async () => {
    const body = JSON.stringify({
      error: {
        type: 'card_error',
        code: 'card_declined',
        message: 'Declined',
        payment_method: { name: 'Ada Lovelace' },
      },
    })
    server.disturb({ status: 402, body })
    const error = await fails('declined', stripe.createPayment(newRequest()))
    expect(error.code).toBe('card_declined')
    expect(Bun.inspect(error)).not.toContain('Ada')
  })

  test('an idempotency key that is still in use at Stripe is unavailable', async () => {
    const body = JSON.stringify({ error: { type: 'idempotency_error', code: 'idempotency_key_in_use', message: '' } })
    server.disturb({ status: 409, body })
    await fails('unavailable', stripe.createPayment(newRequest()))
  })

  test('the same refund is made once even after Stripe has forgotten its idempotency key', async () => {
    const { ref } = await createPaid()
    const request = refundOf(ref, 4000)
    const first = await stripe.refund(request)
    server.forgetKeys()
    expect(await stripe.refund(request)).toEqual(first)
    expect(await stripe.getPayment(ref)).toMatchObject({ refunded: 4000 })
  })

  test('a refund that the bank rejects later is reported as failed', async () => {
    const { ref } = await createPaid()
    const refund = await stripe.refund(refundOf(ref, 4000))
    server.failRefund(refund.ref)
    expect(await verify(events.at(-1)!)).toMatchObject({
      type: 'refund',
      refund: { ref: refund.ref, status: 'failed' },
    })
    expect(await stripe.getRefund(refund.ref)).toMatchObject({ status: 'failed' })
    expect(await stripe.getPayment(ref)).toMatchObject({ refunded: 0 })
  })

  test.each([
    ['pending', 'pending'],
    ['requires_action', 'pending'],
    ['succeeded', 'succeeded'],
    ['failed', 'failed'],
    ['canceled', 'failed'],
  ] as const)('a refund that is %s at Stripe is %s here', async (theirs, ours) => {
    const { ref } = await createPaid()
    const refund = server.createRefund({ payment_intent: ref, amount: '100' })
    server.emit('refund.updated', { ...refund, status: theirs })
    expect(await verify(events.at(-1)!)).toMatchObject({ refund: { status: ours } })
  })

  test('a payment made outside this API is reported without our id, and a refund without a payment as unknown', async () => {
    const intent = server.createIntent({ amount: '700', currency: 'usd', capture_method: 'automatic' })
    server.confirm(intent.id, 'succeed')
    expect(await verify(events.at(-1)!)).toMatchObject({
      type: 'payment',
      payment: { ref: intent.id, paymentId: null },
    })
    server.emit('refund.created', {
      ...server.createRefund({ payment_intent: intent.id, amount: '700' }),
      payment_intent: null,
    })
    expect(await verify(events.at(-1)!)).toMatchObject({ type: 'unknown', name: 'refund.created' })
  })

  test('a payment event with an unknown status is rejected, not ignored', async () => {
    server.emit('payment_intent.succeeded', { id: 'pi_1', object: 'payment_intent', status: 'beamed_up' })
    await fails('rejected', verify(events.at(-1)!))
  })

  test('our webhook signatures equal those of the Stripe SDK, which accepts them', async () => {
    const rawBody = JSON.stringify({ id: 'evt_1', object: 'event', text: 'Grüße, 東京' })
    const header = await signWebhook(SECRETS[0], rawBody, NOW)
    expect(header).toBe(await server.sign(rawBody, SECRETS[0], NOW))
    const crypto = Stripe.createSubtleCryptoProvider()
    const event = await Stripe.webhooks.constructEventAsync(rawBody, header, SECRETS[0], 300, crypto, NOW.getTime())
    expect(event.id).toBe('evt_1')
  })

  test('one valid signature among several is enough while a webhook secret is rotated', async () => {
    const [{ rawBody }] = [events[0]!]
    const [old, fresh] = await Promise.all(['whsec_old', SECRETS[1]].map((secret) => server.sign(rawBody, secret, NOW)))
    const header = `${old},v0=${'0'.repeat(64)},${fresh!.split(',')[1]}`
    const verifyHeader = (value: string) =>
      stripe.verifyWebhook(rawBody, new Headers({ 'stripe-signature': value }), NOW)
    expect(await verifyHeader(header)).toMatchObject({ type: 'payment' })
    const many = `${fresh!},${Array(8)
      .fill(`v1=${'0'.repeat(64)}`)
      .join(',')}`
    await fails('bad_signature', verifyHeader(many))
    await fails('bad_signature', verifyHeader(`t=1,${fresh}`))
  })
})

describe('amounts at Stripe', () => {
  test.each([
    ['USD', 9500, 9500, 1],
    ['JPY', 9500, 9500, 1],
    ['KWD', 9500, 9500, 10],
    ['ISK', 9500, 950_000, 1],
    ['UGX', 9500, 950_000, 1],
    ['MGA', 9500, 95, 100],
    ['HUF', 9500, 9500, 1],
  ])('Stripe gets the amount of %s %i as %i', (currency, amount, sent, step) => {
    expect(toStripeMoney({ amount, currency })).toEqual({ amount: sent, currency: currency.toLowerCase() })
    expect(fromStripeMoney(sent, currency.toLowerCase())).toEqual({ amount, currency })
    expect(stripeAmountStep(currency)).toBe(step)
  })

  test.each([
    ['KWD', 9505],
    ['MGA', 9550],
    ['USD', 0],
    ['USD', 0.5],
  ])('the amount of %s %d cannot be sent to Stripe', (currency, amount) => {
    expect(() => toStripeMoney({ amount, currency })).toThrow(RangeError)
  })
})
