import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { policyShare } from '../../src/ledger/refund-due'
import { createTestApp, NOW } from '../support/app'

const startsAt = new Date('2026-01-06T15:00:00Z')
const minutesBefore = (minutes: number) => new Date(startsAt.getTime() - minutes * 60_000)

describe('the share of the price that a cancellation refunds', () => {
  test.each([
    ['everything before the last free minute', 9500, 1440, 50, 'patient', 2000, 9500],
    ['everything at the last free minute', 9500, 1440, 50, 'patient', 1440, 9500],
    ['the late share a moment after the last free minute', 9500, 1440, 50, 'patient', 1439.99, 4750],
    ['nothing when it is late and the late share is zero', 9500, 1440, 0, 'patient', 1, 0],
    ['everything when it is late and the late share is 100 percent', 9500, 1440, 100, 'patient', 1, 9500],
    ['everything until the start when cancellation is always free', 9500, 0, 0, 'patient', 0, 9500],
    ['a late share that is rounded down', 999, 60, 33, 'patient', 1, 329],
    ['nothing of one minor unit when the late share is 99 percent', 1, 60, 99, 'patient', 1, 0],
    ['everything when the clinic cancels late', 9500, 1440, 0, 'clinic', 1, 9500],
    ['nothing when the visit was free of charge', 0, 1440, 50, 'patient', 2000, 0],
  ] as const)('a cancellation refunds %s', (_title, priceAmount, freeUntil, percent, by, minutes, refund) => {
    const terms = {
      freeUntil: minutesBefore(freeUntil),
      priceAmount,
      cancellationLateRefundPercent: percent,
    }
    expect(policyShare(terms, { by, at: minutesBefore(minutes) })).toBe(refund)
  })

  test('a refund is a whole number between zero and the price, and never grows as time passes', () => {
    const amount = fc.integer({ min: 0, max: 1_000_000_000 })
    const minutes = fc.integer({ min: 0, max: 525_600 })
    const percent = fc.integer({ min: 0, max: 100 })
    fc.assert(
      fc.property(amount, minutes, percent, minutes, minutes, (priceAmount, freeUntil, share, one, other) => {
        const terms = {
          freeUntil: minutesBefore(freeUntil),
          priceAmount,
          cancellationLateRefundPercent: share,
        }
        const refundAt = (minutes: number) => policyShare(terms, { by: 'patient', at: minutesBefore(minutes) })
        const [late, early] = [refundAt(Math.min(one, other)), refundAt(Math.max(one, other))]
        expect(Number.isInteger(late) && 0 <= late && late <= early && early <= priceAmount).toBe(true)
      }),
      { numRuns: 500 },
    )
  })
})

describe('cancellation quotes', () => {
  test('a cancellation quote shows each caller their refund and changes nothing', async () => {
    const t = await createTestApp()
    const [admin, clinic, patient] = [await t.newAdmin(), await t.newClinic(), await t.newPatient()]
    const terms = { cancellationFreeUntilMinutes: 120, cancellationLateRefundPercent: 25 }
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: terms })
    const { id } = await t.newAppointment({ patient, doctor, startsAt })
    await t.db.updateTable('visitTypes').set({ cancellationLateRefundPercent: 99 }).execute()
    const path = `/appointments/${id}/cancellation-quote`
    const policy = { freeUntilMinutes: 120, lateRefundPercent: 25 }
    await t.as(admin).post('/payments', { appointmentId: id, method: 'cash' })
    await t.db.updateTable('payments').set({ status: 'succeeded', chargedAmount: 9500 }).execute()
    await t.db.deleteFrom('auditOutbox').execute()
    const money = (amount: number) => ({ amount, currency: 'USD' })
    const quote = (allowed: boolean, amount: number) => ({
      allowed,
      refund: money(amount),
      policyShare: money(amount),
      alreadyRefunded: money(0),
      policy,
    })

    const early = await t.as(patient.actor).get(path)
    expect(early).toMatchObject({ status: 200 })
    expect(early.body).toEqual(quote(true, 9500))
    t.clock.set(minutesBefore(119))
    expect((await t.as(patient.actor).get(path)).body).toEqual(quote(true, 2375))
    expect((await t.as(doctor.actor).get(path)).body).toEqual(quote(true, 9500))
    expect((await t.as(admin).get(path)).body).toEqual(quote(true, 9500))
    t.clock.set(startsAt)
    expect((await t.as(patient.actor).get(path)).body).toEqual(quote(false, 0))
    t.clock.set(NOW)

    const stranger = await t.newPatient()
    expect(await t.as(stranger.actor).get(path)).toMatchObject({ status: 404 })
    const stored = await t.db.selectFrom('appointments').select(['status', 'version']).execute()
    expect(stored).toEqual([{ status: 'booked', version: 1 }])
    const events = await t.auditEvents().selectAll().where('outcome', '=', 'success').execute()
    expect(events).toHaveLength(5)
    expect(events[0]).toMatchObject({ kind: 'appointment.quote_cancellation', action: 'R', patientIds: [patient.id] })
  })
})

test('the quote of a hold that has expired says that it cannot be cancelled, and so does the cancellation', async () => {
  const t = await createTestApp()
  const [clinic, patient] = [await t.newClinic(), await t.newPatient()]
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  const holdExpiresAt = new Date(NOW.getTime() + 300_000)
  const { id } = await t.newAppointment({ patient, doctor, startsAt, status: 'held', holdExpiresAt })
  const as = t.as(patient.actor)
  const quote = async () => (await as.get(`/appointments/${id}/cancellation-quote`)).body
  t.clock.set(new Date(holdExpiresAt.getTime() - 1))
  expect(await quote()).toMatchObject({ allowed: true, policyShare: { amount: 9500 }, refund: { amount: 0 } })
  t.clock.set(holdExpiresAt)
  expect(await quote()).toMatchObject({ allowed: false, policyShare: { amount: 0 }, refund: { amount: 0 } })
  expect(await as.put(`/appointments/${id}/cancel`)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
})
