import { describe, expect, test } from 'bun:test'
import { refundDue } from '../../src/ledger/refund-due'
import { sendRefund } from '../../src/payments/refunds/service'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'
import { pay } from './payments-app'

const t = await createCardApp()
const { admin, auditOf, booking, cardPayment, doctor, entriesOf, jobs, paidPayment, payers, read, settle } = t
const FULL = process.env.TEST_SCALE === 'full'
const ROUNDS = FULL ? 200 : 3
const HOUR = 3_600_000

const refund = (id: string, body: object = {}) =>
  t.as(admin).post(`/payments/${id}/refunds`, { reason: 'The visit was cut short', ...body })

const refundsOf = async (id: string) => (await entriesOf(id)).filter(({ kind }) => kind === 'refund')

describe('refunds', () => {
  test('a payment is refunded in part and then in full, each refund once at the provider', async () => {
    const { id, ref, patient } = await paidPayment()
    const part = await refund(id, { amount: 2500 })
    expect(part).toMatchObject({
      status: 201,
      body: {
        status: 'partially_refunded',
        refundable: 7000,
        entries: [{ kind: 'charge' }, { kind: 'refund', amount: 2500, status: 'pending', reason: 'other' }],
      },
    })
    expect(part.headers.get('location')).toBe(`/payments/${id}`)
    expect((await payers.getPayment(ref)).refunded).toBe(0)
    await settle()
    expect((await payers.getPayment(ref)).refunded).toBe(2500)
    expect(await refund(id)).toMatchObject({ status: 201, body: { status: 'refunded', refundable: 0 } })
    await settle()
    expect((await payers.getPayment(ref)).refunded).toBe(9500)
    expect(await refundsOf(id)).toMatchObject([
      { amount: 2500, status: 'succeeded', note: 'The visit was cut short', createdBy: admin.userId },
      { amount: 7000, status: 'succeeded', providerRef: expect.any(String), settledAt: t.clock.now() },
    ])
    const events = (await auditOf(id)).filter(({ kind }) => kind.includes('refund'))
    expect(events).toMatchObject([
      { kind: 'payment.refund', actorId: admin.userId, patientIds: [patient.id] },
      { kind: 'payment.settle_refund', actorId: null, patientIds: [patient.id], detail: { refund: 'succeeded' } },
      { kind: 'payment.refund' },
      { kind: 'payment.settle_refund' },
    ])
    expect(await refund(id)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('the free-text reason of a refund is not shown to the payer', async () => {
    const { id, patient } = await paidPayment()
    await refund(id, { reason: 'Confidential remark' })
    await settle()
    const { text } = await t.as(patient.actor).get(`/payments/${id}`)
    expect(text).not.toContain('Confidential')
  })

  test('a refund above the refundable amount is refused', async () => {
    const { id } = await paidPayment()
    expect(await refund(id, { amount: 9501 })).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    await refund(id, { amount: 9000 })
    expect(await refund(id, { amount: 501 })).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await refund(id, { amount: 500 })).toMatchObject({ status: 201, body: { refundable: 0 } })
  })

  test('a refund of an unpaid payment is refused', async () => {
    const { id } = await cardPayment()
    expect(await refund(id)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('a refund of a desk payment succeeds at once, without a job', async () => {
    await settle()
    const { patient, appointmentId } = await booking()
    const { body } = await t.as(patient.actor).post('/payments', pay(appointmentId))
    await t.as(admin).put(`/payments/${body.id}/mark-paid`)
    const refunded = await refund(body.id, { amount: 500 })
    expect(refunded).toMatchObject({
      status: 201,
      body: {
        status: 'partially_refunded',
        refundable: 9000,
        entries: [{ kind: 'charge' }, { kind: 'refund', amount: 500, status: 'succeeded' }],
      },
    })
    expect(await jobs.run()).toBe(0)
  })

  test('only admins can refund a payment, and a reason is required', async () => {
    const { id, patient } = await paidPayment()
    for (const actor of [patient.actor, doctor.actor])
      expect(await t.as(actor).post(`/payments/${id}/refunds`, { reason: 'x' })).toMatchObject({ status: 403 })
    expect(await refund(crypto.randomUUID())).toMatchObject({ status: 404 })
    expect(await t.as(admin).post(`/payments/${id}/refunds`, {})).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'reason' }] },
    })
  })

  test('the same idempotency key refunds a payment once', async () => {
    const { id, ref } = await paidPayment()
    const options = { headers: { 'idempotency-key': 'refund-once' } }
    const send = () => t.as(admin).post(`/payments/${id}/refunds`, { amount: 100, reason: 'x' }, options)
    const first = await send()
    const second = await send()
    expect([second.status, second.text]).toEqual([201, first.text])
    await settle()
    expect((await payers.getPayment(ref)).refunded).toBe(100)
  })

  test('one of two concurrent refunds succeeds when together they exceed the payment', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, ref } = await paidPayment()
      const answers = await Promise.all([refund(id, { amount: 6000 }), refund(id, { amount: 6000 })])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
      await settle()
      expect((await payers.getPayment(ref)).refunded).toBe(6000)
      expect(await read(id)).toMatchObject({ status: 'partially_refunded', refundable: 3500 })
    }
  }, 300_000)

  test('the database itself refuses refunds above the charged amount', async () => {
    const { id } = await paidPayment()
    const more = t.db.updateTable('payments').set({ refundedAmount: 9501 }).where('id', '=', id).execute()
    expect(await more.catch((error) => error.constraint)).toBe('payments_refunded_within_charged')
    const less = t.db
      .updateTable('payments')
      .set({ chargedAmount: 0, refundedAmount: 1 })
      .where('id', '=', id)
      .execute()
    expect(await less.catch((error) => error.constraint)).toBe('payments_refunded_within_charged')
    const [charge] = await entriesOf(id)
    const entry = { ...charge!, id: crypto.randomUUID(), kind: 'refund', providerRef: null, amount: 9501 } as const
    const past = t.db.insertInto('paymentEntries').values(entry).execute()
    expect(await past.catch((error) => error.constraint)).toBe('payments_refunded_within_charged')
    const again = { ...charge!, id: crypto.randomUUID(), providerRef: null }
    expect(
      await t.db
        .insertInto('paymentEntries')
        .values(again)
        .execute()
        .catch((error) => error.constraint),
    ).toBe('payment_entries_one_charge')
  })
})

describe('refunds and faults of the provider', () => {
  test.each(['down', 'answer_lost', 'rubbish', 'slow'] as const)(
    'a refund that meets the provider fault %s stays pending and is made once in the end',
    async (fault) => {
      const { id, ref } = await paidPayment()
      await refund(id, { amount: 1000 })
      const refundId = (await refundsOf(id))[0]!.id
      payers.disturb(fault)
      await expect(sendRefund(t.deps, refundId)).rejects.toMatchObject({ kind: 'unavailable' })
      expect(await read(id)).toMatchObject({ status: 'partially_refunded', refundable: 8500 })
      await settle()
      expect(await refundsOf(id)).toMatchObject([{ status: 'succeeded' }])
      expect((await payers.getPayment(ref)).refunded).toBe(1000)
    },
  )

  test('concurrent attempts to send a refund make one refund', async () => {
    const { id, ref } = await paidPayment()
    await refund(id, { amount: 1000 })
    const refundId = (await refundsOf(id))[0]!.id
    await Promise.all(Array.from({ length: 5 }, () => sendRefund(t.deps, refundId)))
    await settle()
    expect((await payers.getPayment(ref)).refunded).toBe(1000)
    expect(await read(id)).toMatchObject({ refundable: 8500 })
  })

  test('a refund that the provider refuses fails, and its amount can be refunded again', async () => {
    const { id, ref } = await paidPayment()
    // A refund in the dashboard whose webhook has not arrived.
    const refundId = crypto.randomUUID()
    const dashboard = { ref, refundId, amount: 9000, currency: 'USD', idempotencyKey: refundId }
    await payers.refund({ ...dashboard, reason: 'other' })
    await refund(id, { amount: 1000 })
    await jobs.run()
    expect(await refundsOf(id)).toMatchObject([{ status: 'failed', failureCode: 'amount_too_large' }])
    expect(await read(id)).toMatchObject({ status: 'succeeded', refundable: 9500 })
    await settle()
    expect(await read(id)).toMatchObject({ status: 'partially_refunded', refundable: 500 })
    await refund(id)
    await settle()
    expect(await read(id)).toMatchObject({ status: 'refunded', refundable: 0 })
    expect((await payers.getPayment(ref)).refunded).toBe(9500)
  })
})

describe('cancelling a paid appointment', () => {
  const late = { startsAt: new Date(t.clock.now().getTime() + HOUR) }
  let hours = 0
  /** Early enough for a full refund, and later than any time that `booking` uses. */
  const early = () => ({ startsAt: new Date(t.clock.now().getTime() + (10_000 + hours++) * HOUR) })

  async function cancelled(terms: { startsAt: Date }, by: 'patient' | 'clinic', percent: number) {
    const doctor = await t.newDoctor({ clinicId: t.clinic.id, visitType: { cancellationLateRefundPercent: percent } })
    const patient = await t.newPatient()
    const appointment = await t.newAppointment({ patient, doctor, ...terms })
    const client = t.as(patient.actor)
    const { body } = await client.post('/payments', { appointmentId: appointment.id, method: 'card' })
    payers.pay(await t.refOf(body.id), 'succeed')
    await settle()
    const actor = by === 'patient' ? patient.actor : admin
    const quote = await t.as(actor).get(`/appointments/${appointment.id}/cancellation-quote`)
    const answer = await t.as(actor).put(`/appointments/${appointment.id}/cancel`)
    expect(answer.status).toBe(200)
    await settle()
    const payment = await read(body.id)
    expect(payment.refundable).toBe(9500 - quote.body.refund.amount)
    expect((await payers.getPayment(await t.refOf(body.id))).refunded).toBe(quote.body.refund.amount)
    expect(answer.body.payment).toMatchObject({ id: body.id, status: payment.status })
    return payment
  }

  test('a cancellation in time refunds the whole payment', async () => {
    const payment = await cancelled(early(), 'patient', 0)
    expect(payment).toMatchObject({
      status: 'refunded',
      entries: [{}, { amount: 9500, reason: 'cancelled_by_patient' }],
    })
  })

  test('a late cancellation refunds the share in its booked terms', async () => {
    const payment = await cancelled(late, 'patient', 33)
    expect(payment).toMatchObject({ status: 'partially_refunded', entries: [{}, { amount: 3135 }] })
  })

  test('a late cancellation without a share refunds nothing', async () => {
    expect(await cancelled(late, 'patient', 0)).toMatchObject({ status: 'succeeded', entries: [{ kind: 'charge' }] })
  })

  test('a late cancellation by the clinic refunds the whole payment', async () => {
    const payment = await cancelled(late, 'clinic', 0)
    expect(payment).toMatchObject({
      status: 'refunded',
      entries: [{}, { amount: 9500, reason: 'cancelled_by_clinic' }],
    })
  })

  test('a cancellation refunds only the amount that was not refunded before', async () => {
    const { id, appointmentId } = await paidPayment(early())
    await refund(id, { amount: 3000 })
    await t.as(admin).put(`/appointments/${appointmentId}/cancel`)
    await settle()
    expect(await read(id)).toMatchObject({ status: 'refunded', entries: [{}, { amount: 3000 }, { amount: 6500 }] })
  })

  test('a cancellation before payment cancels the payment at the provider', async () => {
    const { id, ref, patient, appointmentId } = await cardPayment()
    payers.pay(ref, 'require_action')
    await settle()
    const { body } = await t.as(patient.actor).put(`/appointments/${appointmentId}/cancel`)
    expect(body.payment).toMatchObject({ id, status: 'cancelled' })
    await settle()
    expect((await payers.getPayment(ref)).status).toBe('cancelled')
    expect(await read(id)).toMatchObject({ status: 'cancelled', entries: [] })
  })

  test('a payment that races with the cancellation of its appointment is refunded', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, ref, patient, appointmentId } = await cardPayment(early())
      payers.pay(ref, 'succeed')
      const [delivery] = await t.takeWebhooks()
      await t.deliver(delivery!)
      const [cancel] = await Promise.all([t.as(patient.actor).put(`/appointments/${appointmentId}/cancel`), jobs.run()])
      expect(cancel.status).toBe(200)
      await settle()
      expect(await read(id)).toMatchObject({ status: 'refunded', refundable: 0 })
      expect((await payers.getPayment(ref)).refunded).toBe(9500)
      const { body } = await t.as(patient.actor).get(`/appointments/${appointmentId}`)
      expect(body).toMatchObject({ status: 'cancelled', payment: { id, status: 'refunded' } })
    }
  }, 300_000)
})

describe('refund due for a cancellation', () => {
  const paid = (chargedAmount: number, refundedAmount = 0) => ({ chargedAmount, refundedAmount })
  test.each([
    ['the whole payment', paid(9500), 100, 1, 9500],
    ['the share of the payment', paid(9500), 33, 1, 3135],
    ['nothing of an unpaid payment', paid(0), 100, 1, 0],
    ['the share minus earlier refunds', paid(9500, 3000), 100, 1, 6500],
    ['nothing when earlier refunds exceed the share', paid(9500, 5000), 33, 1, 0],
    ['the share rounded down to the currency step', paid(9500), 33, 10, 3130],
    ['the whole payment whatever the currency step', paid(9505), 100, 10, 9505],
  ])('a cancellation refunds %s', (_what, payment, percent, amountStep, expected) => {
    const priceAmount = payment.chargedAmount || 9500
    const freeUntil = new Date(NOW.getTime() - HOUR)
    const terms = { priceAmount, freeUntil, cancellationLateRefundPercent: percent }
    expect(refundDue({ ...payment, amountStep }, terms, { by: 'patient', at: NOW })).toBe(expected)
  })
})
