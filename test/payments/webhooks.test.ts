import { describe, expect, test } from 'bun:test'
import { signWebhook } from '../../src/payments/providers/webhook-signature'
import { processPaymentEvent } from '../../src/payments/webhooks/service'
import { createCardApp } from './card-app'

const t = await createCardApp()
const { cardPayment, deliver, entriesOf, jobs, paidPayment, payers, read, settle, takeWebhooks } = t
const PATH = '/webhooks/payments/sandbox'

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
  test('a webhook is received at its earlier path too, which the API document no longer shows', async () => {
    const { ref, delivery } = await success()
    const { rawBody: body, headers } = delivery
    const answer = await t.app.request('/payments/webhooks/sandbox', { method: 'POST', body, headers })
    expect(answer.status).toBe(204)
    expect(await eventsOf(ref)).toHaveLength(1)
    await settle()
  })

  test('a webhook is stored and answered at once, and processed by a job', async () => {
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

  test('a repeated webhook is answered the same and has no further effect', async () => {
    const { id, ref, delivery } = await success()
    const answers = await Promise.all(Array.from({ length: 5 }, () => deliver(delivery)))
    expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(204))
    expect(await jobs.run()).toBe(1)
    expect(await deliver(delivery)).toMatchObject({ status: 204 })
    expect(await jobs.run()).toBe(0)
    expect(await eventsOf(ref)).toHaveLength(1)
    expect(await entriesOf(id)).toHaveLength(1)
  })

  test('a webhook whose job runs many times at once is applied once', async () => {
    const { id, ref, delivery } = await success()
    await deliver(delivery)
    const [event] = await eventsOf(ref)
    await Promise.all(Array.from({ length: 5 }, () => processPaymentEvent(t.deps, event!.id)))
    await jobs.run()
    expect(await entriesOf(id)).toHaveLength(1)
    expect(await read(id)).toMatchObject({ status: 'succeeded', refundable: 9500 })
  })

  test('a webhook is accepted only with a valid signature over its exact bytes', async () => {
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

  test('a signed webhook that cannot be read or stored is kept whole, once, and ignored', async () => {
    const event = { id: 'evt_bad', name: 'other', occurredAt: '2026-03-02T14:00:00Z' }
    const bodies = ['{}', '{"id":1}', 'no json', JSON.stringify({ ...event, name: 'a\0b' }), '{"id":"\\ud800"}']
    for (const rawBody of bodies)
      for (let i = 0; i < 2; i++) expect(await deliver(await signed(rawBody))).toMatchObject({ status: 204 })
    const rows = await t.db
      .selectFrom('paymentEvents')
      .select(['raw', 'outcome', 'needsAttention'])
      .where('name', '=', 'unreadable')
      .execute()
    expect(rows.map(({ raw }) => new TextDecoder().decode(raw!)).sort()).toEqual(bodies.toSorted())
    expect(new Set(rows.map(({ outcome, needsAttention }) => `${outcome} ${needsAttention}`))).toEqual(
      new Set(['ignored false']),
    )
  })

  test('a webhook of a provider that is not configured is a 404', async () => {
    const { delivery } = await success()
    for (const name of ['desk', 'stripe', 'constructor'])
      expect(
        await t.anonymous.post(`/webhooks/payments/${name}`, delivery.rawBody, { headers: delivery.headers }),
      ).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await t.anonymous.get(PATH)).toMatchObject({ status: 405 })
  })

  test('a webhook of an unknown kind is stored and ignored', async () => {
    await settle()
    const id = `evt_${crypto.randomUUID()}`
    const event = { id, name: 'invoice.paid', occurredAt: t.clock.now().toISOString() }
    expect(await deliver(await signed(JSON.stringify(event)))).toMatchObject({ status: 204 })
    expect(await jobs.run()).toBe(0)
    const [stored] = await t.db.selectFrom('paymentEvents').selectAll().where('eventId', '=', id).execute()
    expect(stored).toMatchObject({ name: 'invoice.paid', type: 'unknown', outcome: 'ignored', snapshot: null })
  })

  test.each([
    ['without an id of ours', null],
    ['that does not exist', crypto.randomUUID()],
    ['with a malformed id', 'order-7'],
  ])('a webhook of a payment %s is ignored', async (_what, paymentId) => {
    const ref = `pay_${crypto.randomUUID()}`
    const payment = { ref, paymentId, amount: 1, currency: 'USD', status: 'succeeded', failureCode: null }
    const event = { id: `evt_${ref}`, name: 'payment.succeeded', occurredAt: t.clock.now().toISOString(), payment }
    expect(await deliver(await signed(JSON.stringify(event)))).toMatchObject({ status: 204 })
    expect(await jobs.run()).toBe(1)
    expect(await eventsOf(ref)).toMatchObject([{ outcome: 'ignored' }])
  })

  test('a webhook with another amount changes nothing', async () => {
    const { id, ref } = await cardPayment()
    const payment = { ref, paymentId: id, amount: 1, currency: 'USD', status: 'succeeded', failureCode: null }
    const event = { id: `evt_${ref}`, name: 'payment.succeeded', occurredAt: t.clock.now().toISOString(), payment }
    await deliver(await signed(JSON.stringify(event)))
    await jobs.run()
    expect(await read(id)).toMatchObject({ status: 'pending', entries: [] })
    expect(await eventsOf(ref)).toMatchObject([{ outcome: 'ignored' }])
  })
})

describe('a refund made in the dashboard of the provider', () => {
  const foreign = (ref: string, amount: number) => {
    const refundId = crypto.randomUUID()
    return payers.refund({ ref, refundId, amount, currency: 'USD', idempotencyKey: refundId, reason: 'other' })
  }

  test('a dashboard refund is entered when its webhook arrives', async () => {
    const { id, ref } = await paidPayment()
    await foreign(ref, 2000)
    await settle()
    expect(await read(id)).toMatchObject({
      status: 'partially_refunded',
      refundable: 7500,
      entries: [{ kind: 'charge' }, { kind: 'refund', amount: 2000, status: 'succeeded', reason: 'other' }],
    })
  })

  test('a dashboard refund shows that its payment succeeded, even when its webhook comes first', async () => {
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

  test('a refund that is reported in another currency changes nothing', async () => {
    const { id, ref } = await paidPayment()
    const before = await read(id)
    const refund = {
      ref: `re_${ref}`,
      paymentRef: ref,
      refundId: null,
      amount: 2000,
      currency: 'EUR',
      status: 'succeeded',
    }
    const event = { id: `evt_eur_${ref}`, name: 'refund.succeeded', occurredAt: t.clock.now().toISOString(), refund }
    expect(await deliver(await signed(JSON.stringify(event)))).toMatchObject({ status: 204 })
    await jobs.run()
    expect(await read(id)).toEqual(before)
    expect((await eventsOf(ref)).at(-1)).toMatchObject({ type: 'refund', outcome: 'ignored' })
  })

  test('a dashboard refund waits for a payment whose provider reference is not known yet', async () => {
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
