import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { createWaitlistApp } from '../waitlist/waitlist-app'

const t = await createWaitlistApp({ MAX_UPCOMING_PER_PATIENT: '4', MAX_UPCOMING_PER_DOCTOR: '3' })
const admin = await t.newAdmin()
const DAY = 86_400_000
const newDoctor = (visitType = {}) => t.newDoctor({ clinicId: t.clinic.id, visitType })
type Doctor = Awaited<ReturnType<typeof newDoctor>>
/** Ten in New York, so many days after a Tuesday; the series below are on Tuesdays. */
const at = (days: number, time = '15:00') => new Date(Date.parse(`2026-01-06T${time}:00Z`) + days * DAY).toISOString()
const TOO_MANY = { status: 409, body: { code: 'too_many_upcoming' } }

const book = (actor: Caller, doctor: Doctor, startsAt: string, more: object = {}) =>
  t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt, ...more })
const series = (actor: Caller, doctor: Doctor, count: number, more: object = {}) =>
  t.as(actor).post('/appointments/series', {
    doctorId: doctor.id,
    startsAt: at(0),
    every: { weeks: 1 },
    count,
    mode: 'all_or_nothing',
    ...more,
  })
const holdsOf = (patientId: string) =>
  t.db.selectFrom('appointments').select('id').where('patientId', '=', patientId).where('status', '=', 'held').execute()

describe('visits to come that a patient’s account made', () => {
  test('bookings, holds and series are refused beyond the limit with one doctor and with all', async () => {
    const [patient, one, two] = [await t.newPatient(), await newDoctor(), await newDoctor()]
    const { actor } = patient
    expect((await series(actor, one, 4)).body.code).toBe('too_many_upcoming')
    expect((await series(actor, one, 2)).status).toBe(201)
    expect((await book(actor, one, at(1), { hold: true })).status).toBe(201)
    expect(await book(actor, one, at(2))).toMatchObject(TOO_MANY)
    expect(await book(actor, one, at(2), { hold: true })).toMatchObject(TOO_MANY)
    for (const more of [{}, { mode: 'what_is_free' }, { dryRun: true }])
      expect(await series(actor, one, 2, { startsAt: at(0, '17:00'), ...more })).toMatchObject(TOO_MANY)
    expect((await book(actor, two, at(2))).status).toBe(201)
    expect(await book(actor, two, at(3))).toMatchObject(TOO_MANY)
  })

  test('only visits to come count, and cancelled and expired ones do not', async () => {
    const [{ actor }, doctor] = [await t.newPatient(), await newDoctor()]
    const first = await book(actor, doctor, at(0))
    for (const day of [1, 2]) await book(actor, doctor, at(day), { hold: true })
    expect(await book(actor, doctor, at(3))).toMatchObject(TOO_MANY)
    await t.as(actor).put(`/appointments/${first.body.id}/cancel`)
    expect((await book(actor, doctor, at(3))).status).toBe(201)
    const now = t.clock.now()
    t.clock.advance(6 * 60_000)
    const again = await book(actor, doctor, at(6))
    t.clock.set(now)
    expect(again.status).toBe(201)
  })

  test('guardians are bound for each ward; staff are not bound, and their bookings do not count', async () => {
    const [guardian, doctor] = [await t.newPatient(), await newDoctor()]
    const ward = await t.newPatient({ account: false })
    await t.db.insertInto('patientGuardians').values({ userId: guardian.actor.userId, patientId: ward.id }).execute()
    const patientId = ward.id
    for (const day of [0, 1, 2]) expect((await book(admin, doctor, at(day), { patientId })).status).toBe(201)
    for (const day of [6, 7, 8]) expect((await book(guardian.actor, doctor, at(day), { patientId })).status).toBe(201)
    expect(await book(guardian.actor, doctor, at(9), { patientId })).toMatchObject(TOO_MANY)
    expect((await book(guardian.actor, doctor, at(9))).status).toBe(201)
    expect((await book(admin, doctor, at(10), { patientId })).status).toBe(201)
    expect((await book(doctor.actor, doctor, at(13), { patientId })).status).toBe(201)
  })

  test('of many bookings at once no more succeed than the limit allows', async () => {
    const [{ actor }, doctor] = [await t.newPatient(), await newDoctor()]
    const answers = await Promise.all([0, 1, 2, 3, 6, 7, 8, 9].map((day) => book(actor, doctor, at(day))))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 409, 409, 409, 409, 409])
  })

  test('an offer of the waiting list beyond the limit can be accepted only by staff', async () => {
    const [patient, doctor] = [await t.newPatient(), await newDoctor()]
    const id = await t.wait(patient, { doctorId: doctor.id })
    for (const day of [1, 2, 3]) await t.book(patient, doctor, at(day))
    await t.free(doctor, at(0))
    await t.runJobs()
    expect(await t.as(patient.actor).put(`/waitlist/${id}/accept`)).toMatchObject(TOO_MANY)
    expect((await t.entryOf(patient, id)).status).toBe('offered')
    expect((await t.as(admin).put(`/waitlist/${id}/accept`)).status).toBe(200)
  })
})

describe('active holds of one patient', () => {
  const prepaid = { requiresPrepayment: true, priceAmount: 5000 }

  test('a series that is paid in advance is refused as a whole if it needs more than three holds', async () => {
    const [patient, doctor] = [await t.newPatient(), await newDoctor(prepaid)]
    const body = { patientId: patient.id }
    for (const actor of [patient.actor, admin])
      for (const more of [{}, { mode: 'what_is_free' }, { dryRun: true }])
        expect(await series(actor, doctor, 4, { ...body, ...more })).toMatchObject({
          status: 409,
          body: { code: 'invalid_state' },
        })
    expect(await holdsOf(patient.id)).toEqual([])
  })

  test('holds that anybody made for the patient count against a series that is paid in advance', async () => {
    const [patient, doctor, other] = [await t.newPatient(), await newDoctor(prepaid), await newDoctor()]
    const body = { patientId: patient.id, mode: 'what_is_free' }
    expect((await book(admin, other, at(1), { patientId: patient.id, hold: true })).status).toBe(201)
    expect(await series(admin, doctor, 3, body)).toMatchObject({ body: { code: 'invalid_state' } })
    expect((await series(patient.actor, doctor, 2, body)).status).toBe(201)
    expect(await holdsOf(patient.id)).toHaveLength(3)
    expect(await book(admin, other, at(2), { patientId: patient.id, hold: true })).toMatchObject({
      body: { code: 'invalid_state' },
    })
  })
})
