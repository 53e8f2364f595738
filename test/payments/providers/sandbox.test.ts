import { describe, expect, test } from 'bun:test'
import {
  createSandbox,
  outcomeOf,
  type SandboxFault,
  type SandboxOptions,
} from '../../../src/payments/providers/sandbox'
import {
  postWebhooksTo,
  SIGNATURE_HEADER,
  type WebhookDelivery,
} from '../../../src/payments/providers/sandbox-webhooks'
import { signWebhook } from '../../../src/payments/providers/webhook-signature'
import { describeProvider } from './contract'
import type { ContractFault } from './contract-world'
import { fails } from './fails'
import { createManualTime } from './manual-time'

const NOW = new Date('2026-01-05T12:00:00Z')
const SECRETS: [string, string] = ['sandbox-first', 'sandbox-second']

const FAULTS: Record<ContractFault, SandboxFault> = {
  lost_request: 'down',
  lost_answer: 'answer_lost',
  rubbish: 'rubbish',
  error: 'down',
  slow: 'slow',
}

describeProvider('sandbox', async () => {
  const waiting: (() => unknown)[] = []
  const sent: WebhookDelivery[] = []
  const sandbox = createSandbox({
    clock: () => NOW,
    webhookSecrets: SECRETS,
    deliver: async (delivery) => void sent.push(delivery),
    delayMs: 0,
    automatic: false,
    deadlineMs: 200,
    pageSize: 3,
    schedule(run, delayMs) {
      if (delayMs > 0) setTimeout(run, delayMs)
      else waiting.push(run)
      return () => undefined
    },
  })
  return {
    provider: sandbox,
    now: NOW,
    secrets: SECRETS,
    pay: sandbox.pay,
    disturb: (fault) => sandbox.disturb(FAULTS[fault]),
    count: sandbox.count,
    async takeWebhooks() {
      await Promise.all(waiting.splice(0).map((run) => run()))
      return sent.splice(0).map(({ rawBody, headers }) => ({ rawBody, headers: new Headers(headers) }))
    },
    sign: async (rawBody, secret, at) => new Headers({ [SIGNATURE_HEADER]: await signWebhook(secret, rawBody, at) }),
    otherEvent: () => JSON.stringify({ id: 'evt_1', name: 'weather.changed', occurredAt: NOW }),
    close: sandbox.close,
  }
})

describe('sandbox provider', () => {
  function start(options: Partial<SandboxOptions> = {}) {
    const time = createManualTime(NOW)
    const sent: WebhookDelivery[] = []
    const sandbox = createSandbox({
      ...time,
      webhookSecrets: SECRETS,
      deliver: async (delivery) => void sent.push(delivery),
      ...options,
    })
    const create = (amount: number, metadata: Record<string, string> = {}, currency = 'USD') => {
      const paymentId = crypto.randomUUID()
      return sandbox.createPayment({ paymentId, amount, currency, idempotencyKey: paymentId, metadata })
    }
    const told = () => sent.map(({ rawBody }) => JSON.parse(rawBody).name)
    return { time, sandbox, create, sent, told }
  }

  test.each([
    [9500, 'no token', ['payment.succeeded']],
    [9502, 'no token', ['payment.failed']],
    [9503, 'no token', ['payment.requires_action']],
    [9504, 'no token', ['payment.processing', 'payment.succeeded']],
    [2, 'no token', ['payment.failed']],
    [9502, 'tok_succeed', ['payment.succeeded']],
    [9500, 'tok_fail', ['payment.failed']],
    [9500, 'tok_action', ['payment.requires_action']],
    [9500, 'tok_processing', ['payment.processing', 'payment.succeeded']],
    [9503, 'tok_unheard_of', ['payment.requires_action']],
  ])('a sandbox payment of %i with %s gets its automatic outcome', async (amount, testToken, names) => {
    const { time, create, sandbox, told } = start()
    const { ref, status } = await create(amount, testToken === 'no token' ? {} : { testToken })
    expect(status).toBe('pending')
    await time.advance(10_000)
    expect(told()).toEqual(names)
    expect(`payment.${(await sandbox.getPayment(ref)).status}`).toBe(names.at(-1)!)
  })

  test('the sandbox outcome follows after the delay, and its webhook after a second delay', async () => {
    const { time, create, sandbox, told } = start({ delayMs: 1_000 })
    const { ref } = await create(9500)
    await time.advance(999)
    expect((await sandbox.getPayment(ref)).status).toBe('pending')
    await time.advance(1)
    expect((await sandbox.getPayment(ref)).status).toBe('succeeded')
    await time.advance(999)
    expect(told()).toEqual([])
    await time.advance(1)
    expect(told()).toEqual(['payment.succeeded'])
  })

  test('a sandbox payment that requires action waits for its payer', async () => {
    const { time, create, sandbox, told } = start()
    const { ref } = await create(9503)
    await time.advance(86_400_000)
    expect(sandbox.pay(ref, 'succeed')).toBe(true)
    expect(sandbox.pay(ref, 'fail')).toBe(false)
    await time.advance(10_000)
    expect(told()).toEqual(['payment.requires_action', 'payment.succeeded'])
  })

  test('a sandbox payment waits for its payer when automatic outcomes are off', async () => {
    const { time, create, sandbox, told } = start({ automatic: false })
    const payments = [await create(9500), await create(9502), await create(9504)]
    await time.advance(86_400_000)
    expect(told()).toEqual([])
    expect(payments.map(({ ref }) => sandbox.pay(ref, 'succeed'))).toEqual([true, true, true])
  })

  test('a refund in another currency than the payment is refused', async () => {
    const { create, sandbox } = start({ automatic: false })
    const { ref } = await create(9500)
    sandbox.pay(ref, 'succeed')
    const request = { ref, refundId: 'r1', amount: 100, idempotencyKey: 'k1', reason: 'other' } as const
    await fails('rejected', sandbox.refund({ ...request, currency: 'JPY' }))
  })

  test('a payment cancelled before its outcome stays cancelled', async () => {
    const { time, create, sandbox, told } = start()
    const { ref } = await create(9500)
    await sandbox.cancelPayment(ref, 'cancel')
    await time.advance(10_000)
    expect(told()).toEqual(['payment.cancelled'])
    expect((await sandbox.getPayment(ref)).status).toBe('cancelled')
  })

  test('a processing payment cannot be cancelled, and its status is returned', async () => {
    const { time, create, sandbox } = start({ delayMs: 1_000 })
    const { ref } = await create(9504)
    await time.advance(1_500)
    expect(await sandbox.cancelPayment(ref, 'cancel')).toBe('processing')
    await time.advance(10_000)
    expect((await sandbox.getPayment(ref)).status).toBe('succeeded')
  })

  test('a slow answer of the sandbox is unavailable at the deadline', async () => {
    const { time, create, sandbox } = start()
    const { ref } = await create(9500)
    sandbox.disturb('slow')
    const states: unknown[] = []
    const call = sandbox.getPayment(ref).catch((error) => states.push(error.kind))
    await time.advance(7_999)
    expect(states).toEqual([])
    await time.advance(1)
    await call
    expect(states).toEqual(['unavailable'])
  })

  test('a failed webhook is sent five times in all, with a new signature each time', async () => {
    const tries: WebhookDelivery[] = []
    const { time, create, sandbox } = start({
      delayMs: 1_000,
      deliver: async (delivery) => {
        tries.push(delivery)
        throw new Error('not now')
      },
    })
    await create(9500)
    await time.advance(86_400_000)
    expect(tries.length).toBe(5)
    expect(new Set(tries.map(({ rawBody }) => rawBody)).size).toBe(1)
    const at = tries.map(({ headers }) => Number(/t=(\d+)/.exec(headers[SIGNATURE_HEADER]!)![1]))
    expect(at.map((seconds) => seconds - NOW.getTime() / 1000)).toEqual([2, 5, 14, 41, 122])
    const late = tries[4]!
    const received = new Date(NOW.getTime() + 122_000)
    const event = await sandbox.verifyWebhook(late.rawBody, new Headers(late.headers), received)
    expect(event).toMatchObject({ type: 'payment', occurredAt: new Date(NOW.getTime() + 1_000) })
  })

  test('posts webhooks to a URL and counts only 2xx as delivered', async () => {
    const received: { body: string; signature: string | null }[] = []
    let status = 503
    using server = Bun.serve({
      port: 0,
      hostname: '127.0.0.1',
      async fetch(request) {
        received.push({ body: await request.text(), signature: request.headers.get(SIGNATURE_HEADER) })
        return new Response(null, { status })
      },
    })
    const deliver = postWebhooksTo(`${server.url}hook`)
    const delivery = { rawBody: '{"a":1}', headers: { [SIGNATURE_HEADER]: 't=1,v1=0' } }
    const refused = await deliver(delivery).catch((error: Error) => error.message)
    expect(refused).toContain('503')
    status = 204
    await deliver(delivery)
    expect(received).toEqual(Array(2).fill({ body: '{"a":1}', signature: 't=1,v1=0' }))
  })

  test('a closed sandbox sends no webhooks', async () => {
    const { time, create, sandbox, told } = start()
    await create(9500)
    sandbox.close()
    await time.advance(86_400_000)
    expect(told()).toEqual([])
  })

  test('the sandbox outcome depends on the amount in minor units', () => {
    expect(outcomeOf({ amount: 102 })).toBe('fail')
    expect(outcomeOf({ amount: 203 })).toBe('require_action')
    expect(outcomeOf({ amount: 4 })).toBe('process')
    expect(outcomeOf({ amount: 20 })).toBe('succeed')
  })
})
