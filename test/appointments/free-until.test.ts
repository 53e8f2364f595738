import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { up } from '../../db/migrations/20261130T1010-free-until'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const DAY = 86_400_000
const PRICE = 9500
/** Ten in the morning at the clinic in New York, on a Wednesday. */
const START = new Date('2026-01-14T15:00:00Z')
const daysFrom = (date: Date, days: number) => new Date(date.getTime() + days * DAY)

type Person = 'patient' | 'doctor' | 'admin'

/** A paid visit that is free to cancel until a day before its start. */
async function paidVisit() {
  t.clock.set(NOW)
  const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
  const booked = await t.as(patient.actor).post('/appointments', { doctorId: doctor.id, startsAt: START })
  const id = booked.body.id as string
  const payment = await t.as(patient.actor).post('/payments', { appointmentId: id, method: 'cash' })
  await t.as(admin).put(`/payments/${payment.body.id}/mark-paid`)
  const as = (person: Person) => t.as({ patient: patient.actor, doctor: doctor.actor, admin }[person])
  const move = async (person: Person, startsAt: Date) => {
    expect(await as(person).put(`/appointments/${id}/reschedule`, { startsAt })).toMatchObject({ status: 200 })
  }
  const quote = async () => (await as('patient').get(`/appointments/${id}/cancellation-quote`)).body.refund.amount
  const cancel = async () => {
    await as('patient').put(`/appointments/${id}/cancel`)
    const { body } = await as('admin').get(`/payments/${payment.body.id}`)
    return PRICE - body.refundable
  }
  const freeUntil = async () =>
    (await t.db.selectFrom('appointments').select('freeUntil').where('id', '=', id).executeTakeFirstOrThrow()).freeUntil
  return { id, move, quote, cancel, freeUntil }
}

describe('the end of free cancellation', () => {
  test('is decided at booking', async () => {
    expect(await (await paidVisit()).freeUntil()).toEqual(daysFrom(START, -1))
  })

  test.each([
    ['the patient in time', 'patient', -1, true],
    ['the patient a moment too late', 'patient', -1 + 1 / DAY, false],
    ['the doctor, however late', 'doctor', -0.01, true],
    ['an admin, however late', 'admin', -0.01, true],
  ] as const)(
    'after a move by %s is renewed or kept, and decides quote and refund',
    async (_, person, days, renewed) => {
      const { move, quote, cancel, freeUntil } = await paidVisit()
      t.clock.set(daysFrom(START, days))
      const later = daysFrom(START, 20)
      await move(person, later)
      expect(await freeUntil()).toEqual(daysFrom(renewed ? later : START, -1))
      expect(await quote()).toBe(renewed ? PRICE : 0)
      expect(await cancel()).toBe(renewed ? PRICE : 0)
    },
  )

  test('stays over for a patient who moves again and again, until the clinic moves the visit', async () => {
    const { move, quote, freeUntil } = await paidVisit()
    t.clock.set(daysFrom(START, -0.5))
    for (const days of [5, 20, 1]) await move('patient', daysFrom(START, days))
    expect([await freeUntil(), await quote()]).toEqual([daysFrom(START, -1), 0])
    await move('admin', daysFrom(START, 21))
    expect([await freeUntil(), await quote()]).toEqual([daysFrom(START, 20), PRICE])
  })

  test('moves with a visit that the patient moves in time to an earlier day', async () => {
    const { move, quote, freeUntil } = await paidVisit()
    await move('patient', daysFrom(START, -7))
    expect([await freeUntil(), await quote()]).toEqual([daysFrom(START, -8), PRICE])
    t.clock.set(daysFrom(START, -7.5))
    expect(await quote()).toBe(0)
  })

  test('is decided by the database for an appointment that an older copy of the API inserts', async () => {
    const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
    const { id } = await t.newAppointment({ patient, doctor, startsAt: START })
    const stored = t.db.selectFrom('appointments').select('freeUntil').where('id', '=', id)
    expect(await stored.executeTakeFirstOrThrow()).toEqual({ freeUntil: daysFrom(START, -1) })
  })

  test('is filled in by the migration for old appointments', async () => {
    const { id } = await paidVisit()
    const rollBack = new Error('rolled back')
    const migrated = t.db.transaction().execute(async (trx) => {
      await sql`drop trigger appointments_free_until on appointments`.execute(trx)
      await sql`drop function decide_free_until()`.execute(trx)
      await sql`alter table appointments drop column free_until`.execute(trx)
      await up(trx as unknown as Parameters<typeof up>[0])
      const stored = trx.selectFrom('appointments').select('freeUntil').where('id', '=', id)
      expect(await stored.executeTakeFirstOrThrow()).toEqual({ freeUntil: daysFrom(START, -1) })
      throw rollBack
    })
    expect(await migrated.catch((error) => error)).toBe(rollBack)
  })
})
