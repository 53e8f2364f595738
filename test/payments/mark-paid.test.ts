import { describe, expect, test } from 'bun:test'
import { NOW } from '../support/app'
import { createPaymentsApp, pay } from './payments-app'

const t = await createPaymentsApp()
const { admin, auditOf, booking, doctor, paymentsOf, somebodyWaits, storedPayment } = t
const MINUTE = 60_000

describe('marking as paid', () => {
  test('an admin marks a cash or insurance payment as paid, once', async () => {
    for (const method of ['cash', 'insurance']) {
      const { patient, appointmentId } = await booking()
      const { body: payment } = await t.as(patient.actor).post('/payments', { appointmentId, method })
      t.clock.advance(MINUTE)
      const paid = await t.as(admin).put(`/payments/${payment.id}/mark-paid`)
      const charge = { kind: 'charge', amount: 9500, currency: 'USD', status: 'succeeded', reason: null }
      expect(paid).toMatchObject({
        status: 200,
        body: { ...payment, status: 'succeeded', refundable: 9500, entries: [charge] },
      })
      expect(await paymentsOf(appointmentId)).toMatchObject([{ status: 'succeeded', paidAt: t.clock.now() }])
      expect(await auditOf(payment.id)).toMatchObject([
        { kind: 'payment.create' },
        { kind: 'payment.mark_paid', action: 'U', actorId: admin.userId, patientIds: [patient.id] },
      ])
      const again = await t.as(admin).put(`/payments/${payment.id}/mark-paid`)
      expect(again).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
      expect(await t.as(patient.actor).post('/payments', pay(appointmentId))).toMatchObject({
        status: 409,
        body: { code: 'payment_exists', paymentId: payment.id },
      })
      t.clock.set(NOW)
    }
  })

  test.each(['succeeded', 'partially_refunded', 'refunded', 'failed', 'cancelled'] as const)(
    'a payment that is %s cannot be marked as paid',
    async (status) => {
      const payment = await storedPayment({ status })
      const refused = await t.as(admin).put(`/payments/${payment.id}/mark-paid`)
      expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
      expect(await paymentsOf(payment.appointmentId)).toMatchObject([{ status, paidAt: null }])
    },
  )

  test('a payment of a card provider cannot be marked as paid', async () => {
    const payment = await storedPayment({ method: 'card', provider: 'sandbox' })
    const refused = await t.as(admin).put(`/payments/${payment.id}/mark-paid`)
    expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('two concurrent requests mark a payment as paid once', async () => {
    const payment = await storedPayment()
    const answers = await Promise.all([1, 2].map(() => t.as(admin).put(`/payments/${payment.id}/mark-paid`)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  })

  test('marking as paid waits for a concurrent cancellation and is then refused', async () => {
    const payment = await storedPayment()
    let answer: ReturnType<ReturnType<typeof t.as>['put']> | undefined
    await t.db.transaction().execute(async (trx) => {
      const { appointmentId } = payment
      await trx.selectFrom('appointments').select('id').where('id', '=', appointmentId).forUpdate().execute()
      answer = t.as(admin).put(`/payments/${payment.id}/mark-paid`)
      await somebodyWaits()
      await trx.updateTable('payments').set({ status: 'cancelled' }).where('id', '=', payment.id).execute()
    })
    expect(await answer!).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('patients and doctors may not mark a payment as paid, and an unknown payment is a 404', async () => {
    const payment = await storedPayment()
    for (const actor of [payment.patient.actor, doctor.actor])
      expect(await t.as(actor).put(`/payments/${payment.id}/mark-paid`)).toMatchObject({ status: 403 })
    expect(await t.as(admin).put(`/payments/${crypto.randomUUID()}/mark-paid`)).toMatchObject({ status: 404 })
  })
})
