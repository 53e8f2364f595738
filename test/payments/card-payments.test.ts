import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const { admin, auditOf, booking, cardPayment, doctor, payers, paymentsOf, read, refOf, settle } = t
const card = (appointmentId: string) => ({ appointmentId, method: 'card' })

describe('card payments', () => {
  test('a card payment returns a client secret that is never stored, and succeeds with the webhook of the provider', async () => {
    const { patient, appointmentId } = await booking()
    const created = await t.as(patient.actor).post('/payments', card(appointmentId))
    expect(created).toMatchObject({
      status: 201,
      body: { provider: 'sandbox', method: 'card', status: 'pending', entries: [], clientSecret: expect.any(String) },
    })
    const { id, clientSecret } = created.body
    const ref = await refOf(id)
    payers.pay(ref, 'succeed')
    await settle()
    expect(await read(id)).toMatchObject({
      status: 'succeeded',
      refundable: 9500,
      resolution: null,
      entries: [{ kind: 'charge', amount: 9500, status: 'succeeded' }],
    })
    expect(await paymentsOf(appointmentId)).toMatchObject([{ paidAt: NOW, chargedAmount: 9500, refundedAmount: 0 }])
    expect(await auditOf(id)).toMatchObject([
      { kind: 'payment.create', outcome: 'success', actorId: patient.actor.userId },
      { kind: 'payment.settle', actorId: null, patientIds: [patient.id], detail: { status: 'succeeded' } },
      { kind: 'payment.read' },
    ])
    const { rows } = await sql<{ found: boolean }>`
      select exists(select 1 from payments p where p::text like ${`%${clientSecret}%`})
        or exists(select 1 from idempotency_keys k where k::text like ${`%${clientSecret}%`})
        or exists(select 1 from payment_events e where e::text like ${`%${clientSecret}%`}) as found`.execute(t.db)
    expect(rows).toEqual([{ found: false }])
  })

  test('a replay of a card payment returns the same client secret and makes no second payment at the provider', async () => {
    const { patient, appointmentId } = await booking()
    const before = payers.count().payments
    const send = () =>
      t.as(patient.actor).post('/payments', card(appointmentId), { headers: { 'idempotency-key': 'card-1' } })
    const first = await send()
    payers.pay(await refOf(first.body.id), 'succeed')
    await settle()
    const second = await send()
    expect([second.status, second.text]).toEqual([201, first.text])
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(payers.count().payments).toBe(before + 1)
  })

  test('patients and admins can read the client secret until the payment succeeds, doctors never', async () => {
    const { id, ref, patient } = await cardPayment()
    const path = `/payments/${id}`
    const secret = `${ref}_secret`
    expect((await t.as(patient.actor).get(path)).body.clientSecret).toBe(secret)
    expect((await t.as(admin).get(path)).body.clientSecret).toBe(secret)
    expect((await t.as(doctor.actor).get(path)).body.clientSecret).toBeUndefined()
    expect((await t.as(patient.actor).get('/payments')).body.data[0].clientSecret).toBeUndefined()
    payers.pay(ref, 'fail')
    await settle()
    expect((await t.as(patient.actor).get(path)).body).toMatchObject({ status: 'failed', clientSecret: secret })
    payers.pay(ref, 'succeed')
    await settle()
    expect((await t.as(patient.actor).get(path)).body.clientSecret).toBeUndefined()
  })

  test('a payer can retry the same payment after a declined card', async () => {
    const { id, ref } = await cardPayment()
    payers.pay(ref, 'fail')
    await settle()
    expect(await read(id)).toMatchObject({ status: 'failed', failureCode: 'card_declined' })
    t.clock.advance(1_000)
    payers.pay(ref, 'require_action')
    await settle()
    expect(await read(id)).toMatchObject({ status: 'requires_action', failureCode: null })
    payers.pay(ref, 'succeed')
    await settle()
    expect(await read(id)).toMatchObject({ status: 'succeeded', failureCode: null, refundable: 9500 })
  })

  test('a new payment cancels the failed payment at the provider', async () => {
    const { ref, patient, appointmentId } = await cardPayment()
    payers.pay(ref, 'fail')
    await settle()
    const second = await t.as(patient.actor).post('/payments', { appointmentId, method: 'cash' })
    expect(second.status).toBe(201)
    await settle()
    expect((await payers.getPayment(ref)).status).toBe('cancelled')
  })

  test('a failed payment that succeeds after a second payment is refunded as a duplicate', async () => {
    const { id, ref, patient, appointmentId } = await cardPayment()
    payers.pay(ref, 'fail')
    await settle()
    const second = await t.as(patient.actor).post('/payments', { appointmentId, method: 'cash' })
    await t.as(admin).put(`/payments/${second.body.id}/mark-paid`)
    // The payer is faster than the job that cancels the failed payment.
    payers.pay(ref, 'succeed')
    await settle()
    expect(await read(id)).toMatchObject({
      status: 'refunded',
      refundable: 0,
      resolution: 'refunded_duplicate',
      entries: [
        { kind: 'charge', amount: 9500 },
        { kind: 'refund', amount: 9500, status: 'succeeded', reason: 'other' },
      ],
    })
    expect((await payers.getPayment(ref)).refunded).toBe(9500)
    expect(await read(second.body.id)).toMatchObject({ status: 'succeeded', refundable: 9500 })
  })

  test('a card payment cannot be marked as paid by hand', async () => {
    const { id } = await cardPayment()
    expect(await t.as(admin).put(`/payments/${id}/mark-paid`)).toMatchObject({
      status: 409,
      body: { code: 'invalid_state' },
    })
  })
})

describe('faults of the card provider', () => {
  test.each(['down', 'answer_lost', 'rubbish', 'slow'] as const)(
    'the provider fault %s is a 503, and a retry under the same idempotency key continues the same payment',
    async (fault) => {
      const { patient, appointmentId } = await booking()
      const before = payers.count().payments
      const send = () =>
        t
          .as(patient.actor)
          .post('/payments', card(appointmentId), { headers: { 'idempotency-key': `trouble-${fault}` } })
      payers.disturb(fault)
      const failed = await send()
      expect(failed).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect(failed.headers.get('retry-after')).toBeTruthy()
      const [stored] = await paymentsOf(appointmentId)
      expect(stored).toMatchObject({ status: 'pending', providerRef: null })
      const done = await send()
      expect(done).toMatchObject({ status: 201, body: { id: stored!.id, clientSecret: expect.any(String) } })
      expect(payers.count().payments).toBe(before + 1)
      expect(await auditOf(stored!.id)).toMatchObject([
        { kind: 'payment.create', outcome: 'success' },
        { kind: 'payment.create', outcome: 'success', detail: { replayed: true } },
      ])
    },
  )

  test('a payment whose answer failed without an idempotency key can still be read and paid', async () => {
    const { patient, appointmentId } = await booking()
    payers.disturb('answer_lost')
    expect(await t.as(patient.actor).post('/payments', card(appointmentId))).toMatchObject({ status: 503 })
    const again = await t.as(patient.actor).post('/payments', card(appointmentId))
    expect(again).toMatchObject({ status: 409, body: { code: 'payment_exists' } })
    const payment = await t.as(patient.actor).get(`/payments/${again.body.paymentId}`)
    expect(payment.body).toMatchObject({ status: 'pending', clientSecret: expect.any(String) })
    payers.pay(await refOf(again.body.paymentId), 'succeed')
    await settle()
    expect(await read(again.body.paymentId)).toMatchObject({ status: 'succeeded' })
  })

  test('a payment can be read without its client secret while the provider is down', async () => {
    const { id, patient } = await cardPayment()
    payers.disturb('down')
    const answer = await t.as(patient.actor).get(`/payments/${id}`)
    expect(answer).toMatchObject({ status: 200, body: { status: 'pending' } })
    expect(answer.body.clientSecret).toBeUndefined()
  })

  test('a webhook finds a payment whose provider reference was never received', async () => {
    const { patient, appointmentId } = await booking()
    payers.disturb('answer_lost')
    await t.as(patient.actor).post('/payments', card(appointmentId))
    const [stored] = await paymentsOf(appointmentId)
    const ref = await refOfPayment(stored!.id)
    payers.pay(ref, 'succeed')
    await settle()
    expect(await read(stored!.id)).toMatchObject({ status: 'succeeded', refundable: 9500 })
  })

  /** The reference that a repeated call to the provider returns. */
  async function refOfPayment(paymentId: string): Promise<string> {
    const { appointmentId, amount, currency } = await read(paymentId)
    const metadata = { appointment_id: appointmentId }
    return (await payers.createPayment({ paymentId, amount, currency, idempotencyKey: paymentId, metadata })).ref
  }
})
