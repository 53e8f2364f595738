import { describe, expect, test } from 'bun:test'
import type { AppointmentStatus } from '../../src/ledger/status'
import { NOW } from '../support/app'
import { createPaymentsApp, pay } from './payments-app'

const t = await createPaymentsApp({ CARD_PROVIDER: 'none' })
const { admin, auditOf, booking, doctor, paymentsOf, somebodyWaits } = t

describe('making a payment', () => {
  test('a patient pays the booked price, whatever the visit type costs now', async () => {
    const { patient, appointmentId } = await booking({ priceAmount: 4200 })
    const created = await t.as(patient.actor).post('/payments', { appointmentId, method: 'cash' })
    expect(created.status).toBe(201)
    expect(created.body).toEqual({
      id: created.body.id,
      appointmentId,
      amount: 4200,
      currency: 'USD',
      method: 'cash',
      provider: 'desk',
      status: 'pending',
      failureCode: null,
      refundable: 0,
      resolution: null,
      entries: [],
      createdAt: '2026-01-05T12:00:00Z',
    })
    expect(created.headers.get('location')).toBe(`/payments/${created.body.id}`)
    expect(await paymentsOf(appointmentId)).toMatchObject([
      { id: created.body.id, amount: 4200, status: 'pending', createdBy: patient.actor.userId, paidAt: null },
    ])
    expect(await auditOf(created.body.id)).toMatchObject([
      { kind: 'payment.create', action: 'C', outcome: 'success', patientIds: [patient.id] },
    ])
  })

  test('an admin pays for anybody, a guardian for their ward', async () => {
    const byAdmin = await booking()
    expect(await t.as(admin).post('/payments', { ...pay(byAdmin.appointmentId) })).toMatchObject({ status: 201 })

    const guardian = await t.newPatient()
    const ward = await t.newPatient({ account: false })
    const { appointmentId } = await booking({}, ward)
    expect(await t.as(guardian.actor).post('/payments', pay(appointmentId))).toMatchObject({ status: 404 })
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: ward.id }).execute()
    const created = await t.as(guardian.actor).post('/payments', pay(appointmentId))
    expect(created.status).toBe(201)
    expect(await auditOf(created.body.id)).toMatchObject([{ actorId: guardian.actor.userId, patientIds: [ward.id] }])
  })

  test('a payment for the appointment of another patient is the same 404 as for an unknown appointment', async () => {
    const { appointmentId } = await booking()
    const stranger = await t.newPatient()
    const theirs = await t.as(stranger.actor).post('/payments', pay(appointmentId))
    const nobodys = await t.as(stranger.actor).post('/payments', pay(crypto.randomUUID()))
    expect(theirs).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect({ ...theirs.body, requestId: '' }).toEqual({ ...nobodys.body, requestId: '' })
    expect(await paymentsOf(appointmentId)).toEqual([])
  })

  test('a doctor cannot create a payment', async () => {
    const { appointmentId } = await booking()
    expect(await t.as(doctor.actor).post('/payments', pay(appointmentId))).toMatchObject({ status: 403 })
  })

  test('the method card is refused while no card provider is configured', async () => {
    const { patient, appointmentId } = await booking()
    const refused = await t.as(patient.actor).post('/payments', { appointmentId, method: 'card' })
    expect(refused).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [{ path: 'method' }] } })
  })

  test('amount, currency, provider and client secret are refused in a new payment', async () => {
    const { patient, appointmentId } = await booking()
    for (const field of ['amount', 'currency', 'provider', 'clientSecret']) {
      const refused = await t.as(patient.actor).post('/payments', { ...pay(appointmentId), [field]: 1 })
      expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: field }] } })
    }
  })

  test('a free visit has nothing to pay', async () => {
    const { patient, appointmentId } = await booking({ priceAmount: 0 })
    const refused = await t.as(patient.actor).post('/payments', pay(appointmentId))
    expect(refused).toMatchObject({ status: 409, body: { code: 'nothing_to_pay' } })
  })

  const states: [AppointmentStatus, number][] = [
    ['held', 201],
    ['booked', 201],
    ['checked_in', 201],
    ['completed', 201],
    ['no_show', 409],
    ['cancelled', 409],
    ['expired', 409],
  ]
  test.each(states)('a payment for an appointment that is %s is answered with %d', async (status, expected) => {
    const { patient, appointmentId } = await booking({ status })
    const answer = await t.as(patient.actor).post('/payments', pay(appointmentId))
    expect(answer.status).toBe(expected)
    if (expected === 409) expect(answer.body.code).toBe('invalid_state')
    expect(await paymentsOf(appointmentId)).toHaveLength(expected === 201 ? 1 : 0)
  })

  test('an expired hold cannot be paid', async () => {
    const { patient, appointmentId } = await booking({ status: 'held', holdExpiresAt: NOW })
    const refused = await t.as(patient.actor).post('/payments', pay(appointmentId))
    expect(refused).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  })

  test('a second payment is refused with the id of the first, until the first has failed', async () => {
    const { patient, appointmentId } = await booking()
    const first = await t.as(patient.actor).post('/payments', pay(appointmentId))
    const second = await t.as(patient.actor).post('/payments', { appointmentId, method: 'insurance' })
    expect(second).toMatchObject({ status: 409, body: { code: 'payment_exists', paymentId: first.body.id } })
    await t.db.updateTable('payments').set({ status: 'failed' }).where('id', '=', first.body.id).execute()
    const third = await t.as(patient.actor).post('/payments', pay(appointmentId))
    expect(third).toMatchObject({ status: 201 })
    const fourth = await t.as(patient.actor).post('/payments', pay(appointmentId))
    expect(fourth).toMatchObject({ status: 409, body: { code: 'payment_exists', paymentId: third.body.id } })
  })

  test('concurrent payments for one appointment make one payment, and the others are refused with its id', async () => {
    const rounds = process.env.TEST_SCALE === 'full' ? 50 : 3
    for (let round = 0; round < rounds; round++) {
      const { patient, appointmentId } = await booking()
      const client = t.as(patient.actor)
      const answers = await Promise.all(Array.from({ length: 8 }, () => client.post('/payments', pay(appointmentId))))
      const made = answers.filter(({ status }) => status === 201)
      const refused = answers.filter(({ body }) => body.code === 'payment_exists')
      expect([made.length, refused.length]).toEqual([1, 7])
      expect(new Set(refused.map(({ body }) => body.paymentId))).toEqual(new Set([made[0]!.body.id]))
      expect(await paymentsOf(appointmentId)).toHaveLength(1)
    }
  })

  test('the database itself refuses a second active payment', async () => {
    const { patient, appointmentId } = await booking()
    const { body } = await t.as(patient.actor).post('/payments', pay(appointmentId))
    const [row] = await paymentsOf(appointmentId)
    const again = t.db
      .insertInto('payments')
      .values({ ...row!, id: crypto.randomUUID() })
      .execute()
    expect(await again.catch((error) => error.constraint)).toBe('payments_one_active')
    expect(await paymentsOf(appointmentId)).toMatchObject([{ id: body.id }])
  })

  test('the same idempotency key returns the same payment', async () => {
    const { patient, appointmentId } = await booking()
    const options = { headers: { 'idempotency-key': 'pay-once' } }
    const first = await t.as(patient.actor).post('/payments', pay(appointmentId), options)
    const second = await t.as(patient.actor).post('/payments', pay(appointmentId), options)
    expect([second.status, second.text]).toEqual([201, first.text])
    expect(second.headers.get('idempotent-replayed')).toBe('true')
  })

  test('paying and cancelling at once never leave an open payment on a cancelled appointment', async () => {
    const rounds = process.env.TEST_SCALE === 'full' ? 200 : 5
    for (let round = 0; round < rounds; round++) {
      const { patient, appointmentId } = await booking()
      const client = t.as(patient.actor)
      const [paid, cancelled] = await Promise.all([
        client.post('/payments', pay(appointmentId)),
        client.put(`/appointments/${appointmentId}/cancel`),
      ])
      expect(cancelled.status).toBe(200)
      expect([201, 409]).toContain(paid.status)
      const statuses = (await paymentsOf(appointmentId)).map(({ status }) => status)
      expect(statuses).toEqual(paid.status === 201 ? ['cancelled'] : [])
      const { body: appointment } = await client.get(`/appointments/${appointmentId}`)
      expect(appointment.payment?.status ?? null).toBe(statuses[0] ?? null)
    }
  })

  test('a payment waits for a concurrent cancellation and is then refused', async () => {
    const { patient, appointmentId } = await booking()
    let answer: ReturnType<ReturnType<typeof t.as>['post']> | undefined
    await t.db.transaction().execute(async (trx) => {
      await trx.selectFrom('appointments').select('id').where('id', '=', appointmentId).forUpdate().execute()
      answer = t.as(patient.actor).post('/payments', pay(appointmentId))
      await somebodyWaits()
      await trx.updateTable('appointments').set({ status: 'cancelled' }).where('id', '=', appointmentId).execute()
    })
    expect(await answer!).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await paymentsOf(appointmentId)).toEqual([])
  })
})
