import { describe, expect, test } from 'bun:test'
import { refundDue } from '../../src/ledger/refund-share'
import { sendRefund } from '../../src/payments/refunds/service'
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

describe('giving a payment back', () => {
  test('in part and then the rest, each once at the provider', async () => {
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

  test('the note stays here: the provider and the payer get a reason of a closed set', async () => {
    const { id, patient } = await paidPayment()
    await refund(id, { reason: 'Confidential remark' })
    await settle()
    const { text } = await t.as(patient.actor).get(`/payments/${id}`)
    expect(text).not.toContain('Confidential')
  })

  test('never more than is left', async () => {
    const { id } = await paidPayment()
    expect(await refund(id, { amount: 9501 })).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    await refund(id, { amount: 9000 })
    expect(await refund(id, { amount: 501 })).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await refund(id, { amount: 500 })).toMatchObject({ status: 201, body: { refundable: 0 } })
  })

  test('nothing of what is not paid', async () => {
    const { id } = await cardPayment()
    expect(await refund(id)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('at the desk it is given back by being entered', async () => {
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

  test('is for admins alone', async () => {
    const { id, patient } = await paidPayment()
    for (const actor of [patient.actor, doctor.actor])
      expect(await t.as(actor).post(`/payments/${id}/refunds`, { reason: 'x' })).toMatchObject({ status: 403 })
    expect(await refund(crypto.randomUUID())).toMatchObject({ status: 404 })
    expect(await t.as(admin).post(`/payments/${id}/refunds`, {})).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'reason' }] },
    })
  })

  test('the same key gives back once', async () => {
    const { id, ref } = await paidPayment()
    const options = { headers: { 'idempotency-key': 'refund-once' } }
    const send = () => t.as(admin).post(`/payments/${id}/refunds`, { amount: 100, reason: 'x' }, options)
    const first = await send()
    const second = await send()
    expect([second.status, second.text]).toEqual([201, first.text])
    await settle()
    expect((await payers.getPayment(ref)).refunded).toBe(100)
  })

  test('of two at once for more than there is, one wins', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const { id, ref } = await paidPayment()
      const answers = await Promise.all([refund(id, { amount: 6000 }), refund(id, { amount: 6000 })])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
      await settle()
      expect((await payers.getPayment(ref)).refunded).toBe(6000)
      expect(await read(id)).toMatchObject({ status: 'partially_refunded', refundable: 3500 })
    }
  }, 300_000)

  test('the database itself refuses to give back more than was charged', async () => {
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

describe('a refund and a provider in trouble', () => {
  test.each(['down', 'answer_lost', 'rubbish', 'slow'] as const)(
    '%s: it stays on its way, and is made once in the end',
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

  test('many tries at once make one', async () => {
    const { id, ref } = await paidPayment()
    await refund(id, { amount: 1000 })
    const refundId = (await refundsOf(id))[0]!.id
    await Promise.all(Array.from({ length: 5 }, () => sendRefund(t.deps, refundId)))
    await settle()
    expect((await payers.getPayment(ref)).refunded).toBe(1000)
    expect(await read(id)).toMatchObject({ refundable: 8500 })
  })

  test('one that the provider refuses has failed, and can be given back otherwise', async () => {
    const { id, ref } = await paidPayment()
    // Given back in the dashboard, of which we have not heard.
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
  /** In good time, and far behind the times that `booking` gives out. */
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

  test('in time gives all of it back', async () => {
    const payment = await cancelled(early(), 'patient', 0)
    expect(payment).toMatchObject({
      status: 'refunded',
      entries: [{}, { amount: 9500, reason: 'cancelled_by_patient' }],
    })
  })

  test('late gives the share back that its terms name', async () => {
    const payment = await cancelled(late, 'patient', 33)
    expect(payment).toMatchObject({ status: 'partially_refunded', entries: [{}, { amount: 3135 }] })
  })

  test('late without a share gives nothing back', async () => {
    expect(await cancelled(late, 'patient', 0)).toMatchObject({ status: 'succeeded', entries: [{ kind: 'charge' }] })
  })

  test('by the clinic gives all of it back, however late', async () => {
    const payment = await cancelled(late, 'clinic', 0)
    expect(payment).toMatchObject({
      status: 'refunded',
      entries: [{}, { amount: 9500, reason: 'cancelled_by_clinic' }],
    })
  })

  test('gives back no more than is left', async () => {
    const { id, appointmentId } = await paidPayment(early())
    await refund(id, { amount: 3000 })
    await t.as(admin).put(`/appointments/${appointmentId}/cancel`)
    await settle()
    expect(await read(id)).toMatchObject({ status: 'refunded', entries: [{}, { amount: 3000 }, { amount: 6500 }] })
  })

  test('before it was paid has the provider take no money any more', async () => {
    const { id, ref, patient, appointmentId } = await cardPayment()
    payers.pay(ref, 'require_action')
    await settle()
    const { body } = await t.as(patient.actor).put(`/appointments/${appointmentId}/cancel`)
    expect(body.payment).toMatchObject({ id, status: 'cancelled' })
    await settle()
    expect((await payers.getPayment(ref)).status).toBe('cancelled')
    expect(await read(id)).toMatchObject({ status: 'cancelled', entries: [] })
  })

  test('and paying at once: the money is back, or was never taken, whoever was first', async () => {
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

describe('what a cancellation gives back', () => {
  const paid = (chargedAmount: number, refundedAmount = 0) => ({ chargedAmount, refundedAmount })
  test.each([
    ['all', paid(9500), 9500, 1, 9500],
    ['the share', paid(9500), 3135, 1, 3135],
    ['nothing of what was not paid', paid(0), 9500, 1, 0],
    ['less what has gone back', paid(9500, 3000), 9500, 1, 6500],
    ['nothing where more has gone back already', paid(9500, 5000), 3135, 1, 0],
    ['the share in steps, rounded down', paid(9500), 3135, 10, 3130],
    ['all of it whatever the steps', paid(9505), 9505, 10, 9505],
  ])('%s', (_what, payment, share, step, expected) => {
    expect(refundDue(payment, share, step)).toBe(expected)
  })
})
