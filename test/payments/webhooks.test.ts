import { describe, expect, test } from 'bun:test'
import { signWebhook } from '../../src/payments/providers/webhook-signature'
import { processEvent } from '../../src/payments/webhooks/service'
import { createCardApp } from './card-app'

const t = await createCardApp()
const { cardPayment, deliver, entriesOf, jobs, paidPayment, payers, read, settle, takeWebhooks } = t
const PATH = '/payments/webhooks/sandbox'

const eventsOf = (paymentRef: string) =>
  t.db.selectFrom('paymentEvents').selectAll().where('paymentRef', '=', paymentRef).orderBy('id').execute()

async function signed(rawBody: string, secret = 'sandbox-test-secret', at = t.clock.now()) {
  const headers = { 'content-type': 'application/json', 'sandbox-signature': await signWebhook(secret, rawBody, at) }
  return { rawBody, headers }
}

/** The webhook of a payment that has just been paid. */
async function success() {
  const payment = await cardPayment()
  payers.pay(payment.ref, 'succeed')
  const [delivery] = await takeWebhooks()
  return { ...payment, delivery: delivery! }
}

describe('a webhook', () => {
  test('is stored and answered at once, and worked on by a job', async () => {
    const { id, ref, delivery } = await success()
    expect(await deliver(delivery)).toMatchObject({ status: 204, text: '' })
    expect(await read(id)).toMatchObject({ status: 'pending' })
    expect(await eventsOf(ref)).toMatchObject([{ type: 'payment', outcome: null, processedAt: null }])
    expect(await jobs.run()).toBe(1)
    expect(await read(id)).toMatchObject({ status: 'succeeded' })
    expect(await eventsOf(ref)).toMatchObject([{ outcome: 'applied', processedAt: t.clock.now() }])
    const audited = await t
      .auditEvents()
      .select(['actorId', 'detail', 'patientIds'])
      .where('kind', '=', 'payment.webhook')
      .execute()
    expect(audited).toContainEqual({
      actorId: null,
      detail: { provider: 'sandbox', event: 'payment.succeeded' },
      patientIds: [],
    })
  })

  test('that comes again is answered the same and does nothing', async () => {
    const { id, ref, delivery } = await success()
    const answers = await Promise.all(Array.from({ length: 5 }, () => deliver(delivery)))
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(204))
    expect(await jobs.run()).toBe(1)
    expect(await deliver(delivery)).toMatchObject({ status: 204 })
    expect(await jobs.run()).toBe(0)
    expect(await eventsOf(ref)).toHaveLength(1)
    expect(await entriesOf(id)).toHaveLength(1)
  })

  test('whose job runs many times at once is applied once', async () => {
    const { id, ref, delivery } = await success()
    await deliver(delivery)
    const [event] = await eventsOf(ref)
    await Promise.all(Array.from({ length: 5 }, () => processEvent(t.deps, event!.id)))
    await jobs.run()
    expect(await entriesOf(id)).toHaveLength(1)
    expect(await read(id)).toMatchObject({ status: 'succeeded', refundable: 9500 })
  })

  test('is believed by its signature over the bytes as they came, and nothing else', async () => {
    const { ref, delivery } = await success()
    const { rawBody, headers } = delivery
    const bad = [
      { rawBody: `${rawBody} `, headers },
      { rawBody: rawBody.replace('9500', '1'), headers },
      { rawBody: JSON.stringify(JSON.parse(rawBody), null, 2), headers },
      { rawBody, headers: { 'content-type': 'application/json' } },
      await signed(rawBody, 'some other secret'),
      await signed(rawBody, 'sandbox-test-secret', new Date(t.clock.now().getTime() - 301_000)),
      await signed(rawBody, 'sandbox-test-secret', new Date(t.clock.now().getTime() + 301_000)),
    ]
    for (const delivery of bad)
      expect(await deliver(delivery)).toMatchObject({ status: 400, body: { code: 'invalid_signature' } })
    expect(await eventsOf(ref)).toEqual([])
    expect(await deliver(await signed(rawBody, 'sandbox-former-secret'))).toMatchObject({ status: 204 })
    expect(await eventsOf(ref)).toHaveLength(1)
  })

  test('that is signed and makes no sense is refused', async () => {
    for (const rawBody of ['{}', '{"id":1}']) {
      const answer = await deliver(await signed(rawBody))
      expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    }
  })

  test('of a provider that is none here leads nowhere', async () => {
    const { delivery } = await success()
    for (const name of ['desk', 'stripe', 'constructor'])
      expect(
        await t.anonymous.post(`/payments/webhooks/${name}`, delivery.rawBody, { headers: delivery.headers }),
      ).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await t.anonymous.get(PATH)).toMatchObject({ status: 405 })
  })

  test('of an unknown kind is kept and ignored', async () => {
    await settle()
    const id = `evt_${crypto.randomUUID()}`
    const event = { id, name: 'invoice.paid', occurredAt: t.clock.now().toISOString() }
    expect(await deliver(await signed(JSON.stringify(event)))).toMatchObject({ status: 204 })
    expect(await jobs.run()).toBe(0)
    const [stored] = await t.db.selectFrom('paymentEvents').selectAll().where('eventId', '=', id).execute()
    expect(stored).toMatchObject({ name: 'invoice.paid', type: 'unknown', outcome: 'ignored', snapshot: null })
  })

  test.each([
    ['that is not ours', null],
    ['that we do not have', crypto.randomUUID()],
    ['with an id that is none', 'order-7'],
  ])('of a payment %s is ignored', async (_what, paymentId) => {
    const ref = `pay_${crypto.randomUUID()}`
    const payment = { ref, paymentId, amount: 1, currency: 'USD', status: 'succeeded', failureCode: null }
    const event = { id: `evt_${ref}`, name: 'payment.succeeded', occurredAt: t.clock.now().toISOString(), payment }
    expect(await deliver(await signed(JSON.stringify(event)))).toMatchObject({ status: 204 })
    expect(await jobs.run()).toBe(1)
    expect(await eventsOf(ref)).toMatchObject([{ outcome: 'ignored' }])
  })

  test('that speaks of another amount changes nothing', async () => {
    const { id, ref } = await cardPayment()
    const payment = { ref, paymentId: id, amount: 1, currency: 'USD', status: 'succeeded', failureCode: null }
    const event = { id: `evt_${ref}`, name: 'payment.succeeded', occurredAt: t.clock.now().toISOString(), payment }
    await deliver(await signed(JSON.stringify(event)))
    await jobs.run()
    expect(await read(id)).toMatchObject({ status: 'pending', entries: [] })
    expect(await eventsOf(ref)).toMatchObject([{ outcome: 'ignored' }])
  })
})

describe('a refund made in the provider’s own dashboard', () => {
  const foreign = (ref: string, amount: number) => {
    const refundId = crypto.randomUUID()
    return payers.refund({ ref, refundId, amount, currency: 'USD', idempotencyKey: refundId, reason: 'other' })
  }

  test('is entered when it is told of', async () => {
    const { id, ref } = await paidPayment()
    await foreign(ref, 2000)
    await settle()
    expect(await read(id)).toMatchObject({
      status: 'partially_refunded',
      refundable: 7500,
      entries: [{ kind: 'charge' }, { kind: 'refund', amount: 2000, status: 'succeeded', reason: 'other' }],
    })
  })

  test('says that its payment had succeeded, should it be told of first', async () => {
    const { id, ref, delivery } = await success()
    await foreign(ref, 2000)
    const [refund] = await takeWebhooks()
    await deliver(refund!)
    await jobs.run()
    const before = await read(id)
    expect(before).toMatchObject({ status: 'partially_refunded', refundable: 7500 })
    await deliver(delivery)
    await jobs.run()
    expect(await read(id)).toEqual(before)
  })

  test('waits for a payment whose ref is not known yet', async () => {
    const { id, ref, delivery } = await success()
    await t.db.updateTable('payments').set({ providerRef: null, providerStatus: null }).where('id', '=', id).execute()
    await foreign(ref, 2000)
    const [refund] = await takeWebhooks()
    await deliver(refund!)
    await jobs.run()
    expect(await eventsOf(ref)).toMatchObject([{ type: 'refund', outcome: 'unmatched' }])
    await deliver(delivery)
    await jobs.run()
    expect(await read(id)).toMatchObject({ status: 'partially_refunded', refundable: 7500 })
    expect(await eventsOf(ref)).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }])
  })
})
