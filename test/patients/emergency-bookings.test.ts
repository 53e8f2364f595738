import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { up } from '../../db/migrations/20261130T1000-relationship-evidence'
import type { Caller } from '../../src/actor'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const DAY = 86_400_000
const HOUR = 3_600_000
const at = (days: number) => new Date(NOW.getTime() + days * DAY)
/** 15:00 in UTC is 10:00 at the clinic in New York; every fourth week from a Monday is a Monday. */
const START = '2026-01-05T15:00:00Z'
const start = (days: number) => new Date(Date.parse(START) + days * DAY)

async function strangers() {
  t.clock.set(NOW)
  const [doctor, patient] = [await t.newDoctor({ clinicId: clinic.id }), await t.newPatient()]
  const reason = 'Brought in unconscious after a fall'
  const openEmergency = () => t.as(doctor.actor).post(`/patients/${patient.id}/emergency-access`, { reason })
  const book = async (actor: Caller, startsAt: Date | string, more: object = {}) => {
    const body = { doctorId: doctor.id, patientId: patient.id, startsAt, ...more }
    const { status, body: booked } = await t.as(actor).post('/appointments', body)
    expect(status).toBe(201)
    return booked.id as string
  }
  const put = async (id: string, action: string, body?: object, actor = doctor.actor) =>
    (await t.as(actor).put(`/appointments/${id}/${action}`, body)).status
  const visit = async (id: string, startsAt: Date | string) => {
    t.clock.set(startsAt)
    expect([await put(id, 'check-in', {}), await put(id, 'complete', {})]).toEqual([200, 200])
    t.clock.advance(HOUR / 2)
  }
  const note = { type: 'visit_note', title: 'Visit', data: {} }
  const access = async () => {
    const path = `/patients/${patient.id}`
    const as = t.as(doctor.actor)
    return [await as.get(path), await as.get(`${path}/records`), await as.post(`${path}/records`, note)].map(
      ({ status }) => status,
    )
  }
  return { doctor, patient, openEmergency, book, put, visit, access }
}

const FULL = [200, 200, 201]
const NONE = [404, 404, 404]
const stored = (id: string) =>
  t.db.selectFrom('appointments').selectAll().where('id', '=', id).executeTakeFirstOrThrow()

describe('a visit that a doctor books on an emergency', () => {
  test('cannot be checked in or completed 80 days ahead, and gives no access after the emergency has ended', async () => {
    const { doctor, openEmergency, book, put, access } = await strangers()
    await openEmergency()
    const id = await book(doctor.actor, start(77))
    expect(await stored(id)).toMatchObject({
      accessBasis: 'emergency',
      originalEndsAt: new Date(+start(77) + HOUR / 2),
    })
    expect([await put(id, 'check-in'), await put(id, 'complete')]).toEqual([409, 409])
    expect(await access()).toEqual(FULL)
    t.clock.advance(4 * HOUR)
    expect(await access()).toEqual(NONE)
  })

  test.each([
    ['booked for the same day', 0, undefined],
    ['booked weeks ahead', 28, undefined],
    ['booked by an override in the year 2190', 59902, ['horizon', 'hours']],
  ] as const)('gives no access even once it is completed and has ended: %s', async (_, days, override) => {
    const { doctor, openEmergency, book, visit, access } = await strangers()
    await openEmergency()
    const id = await book(doctor.actor, start(days), override && { override, reason: 'Follow-up' })
    await visit(id, start(days))
    t.clock.advance(4 * HOUR)
    expect(await access()).toEqual(NONE)
  })

  test('proves nothing for a second booking either, nor do a series and a confirmed hold', async () => {
    const { doctor, patient, openEmergency, book, put, visit, access } = await strangers()
    await openEmergency()
    await visit(await book(doctor.actor, start(0)), start(0))
    const second = await book(doctor.actor, start(1))
    const hold = await book(doctor.actor, start(2), { hold: true })
    expect(await put(hold, 'confirm')).toBe(200)
    const series = { doctorId: doctor.id, patientId: patient.id, startsAt: start(7), every: { weeks: 1 }, count: 3 }
    const answer = await t.as(doctor.actor).post('/appointments/series', { ...series, mode: 'all_or_nothing' })
    expect(answer).toMatchObject({ status: 201 })
    const rows = await t.db
      .selectFrom('appointments')
      .select('accessBasis')
      .where('patientId', '=', patient.id)
      .execute()
    expect(rows.map(({ accessBasis }) => accessBasis)).toEqual(Array(6).fill('emergency'))
    await visit(second, start(1))
    expect(await access()).toEqual(NONE)
  })

  test('does not matter once the patient or the front desk books a visit too', async () => {
    for (const by of ['patient', 'admin'] as const) {
      const { doctor, patient, openEmergency, book, access } = await strangers()
      await openEmergency()
      await book(doctor.actor, start(0))
      const id = await book(by === 'admin' ? admin : patient.actor, start(1))
      expect(await stored(id)).toMatchObject({ accessBasis: 'relationship' })
      t.clock.advance(5 * HOUR)
      expect(await access()).toEqual(FULL)
    }
  })

  test('is booked on the treatment relationship where there is one beside the emergency', async () => {
    const { doctor, patient, openEmergency, book, put } = await strangers()
    const first = await book(patient.actor, start(1))
    await openEmergency()
    const id = await book(doctor.actor, start(2))
    expect(await stored(id)).toMatchObject({ accessBasis: 'relationship' })
    expect(await put(first, 'cancel', {}, patient.actor)).toBe(200)
    expect(await stored(await book(doctor.actor, start(3)))).toMatchObject({ accessBasis: 'emergency' })
  })
})

describe('a visit that a doctor books alone on a treatment relationship', () => {
  test('gives access once it is completed and has ended, for 365 days', async () => {
    const { doctor, patient, book, put, access } = await strangers()
    await t.newAppointment({ patient, doctor, startsAt: at(-364), status: 'completed' })
    const id = await book(doctor.actor, start(7))
    t.clock.set(start(7))
    expect(await put(id, 'complete', {})).toBe(200)
    expect(await access()).toEqual(NONE)
    t.clock.advance(HOUR / 2 - 1)
    expect(await access()).toEqual(NONE)
    t.clock.advance(1)
    expect(await access()).toEqual(FULL)
    t.clock.advance(365 * DAY - 1)
    expect(await access()).toEqual(FULL)
    t.clock.advance(1)
    expect(await access()).toEqual(NONE)
  })
})

describe('a move', () => {
  const lasts = async (access: () => Promise<number[]>, ends: Date, days: number) => {
    t.clock.set(new Date(+ends + days * DAY - 1))
    const before = await access()
    t.clock.advance(1)
    return [before, await access()]
  }
  const end = (days: number) => new Date(+start(days) + HOUR / 2)

  test.each([
    ['by the doctor to a later time does not lengthen', 'doctor', 1, 77, 1],
    ['by the doctor to an earlier time shortens', 'doctor', 77, 1, 1],
    ['by the patient lengthens', 'patient', 1, 77, 77],
    ['by the front desk lengthens', 'admin', 1, 77, 77],
  ] as const)('%s the treatment relationship', async (_, by, from, to, counted) => {
    const { doctor, patient, book, put, access } = await strangers()
    const id = await book(patient.actor, start(from))
    const actor = { doctor: doctor.actor, patient: patient.actor, admin }[by]
    expect(await put(id, 'reschedule', { startsAt: start(to) }, actor)).toBe(200)
    expect(await lasts(access, end(counted), 365)).toEqual([FULL, NONE])
  })

  test('by the doctor away and back, and then by the patient, counts to where the patient moved it', async () => {
    const { patient, book, put, access } = await strangers()
    const id = await book(patient.actor, start(7))
    for (const days of [1, 77]) expect(await put(id, 'reschedule', { startsAt: start(days) })).toBe(200)
    expect(await stored(id)).toMatchObject({ originalEndsAt: end(7) })
    expect(await put(id, 'reschedule', { startsAt: start(9) }, patient.actor)).toBe(200)
    expect(await lasts(access, end(9), 365)).toEqual([FULL, NONE])
  })
})

describe('an appointment that an older copy of the API inserts', () => {
  test.each([
    ['the doctor, during an emergency,', 'doctor', true, 'emergency'],
    ['the doctor, without an emergency,', 'doctor', false, 'relationship'],
    ['the patient, during an emergency,', 'patient', true, 'relationship'],
  ] as const)('by %s gets its access basis and its original end from the database', async (_, by, emergency, basis) => {
    const { doctor, patient, openEmergency } = await strangers()
    if (emergency) await openEmergency()
    const createdBy = { doctor: doctor.actor, patient: patient.actor }[by]
    const { id, endsAt } = await t.newAppointment({ patient, doctor, startsAt: start(1), createdBy })
    expect(await stored(id)).toMatchObject({ accessBasis: basis, originalEndsAt: endsAt })
  })
})

test('the migration marks old bookings that a doctor made during an emergency, and fills in their ends', async () => {
  const { doctor, patient, openEmergency } = await strangers()
  await openEmergency()
  const make = (createdBy: Caller, hours: number) =>
    t.newAppointment({
      patient,
      doctor,
      startsAt: start(hours + 5),
      createdBy,
      createdAt: new Date(+NOW + hours * HOUR),
    })
  const made = [await make(doctor.actor, 0), await make(doctor.actor, 4), await make(patient.actor, 1)]
  const rollBack = new Error('rolled back')
  const migrated = t.db.transaction().execute(async (trx) => {
    const connection = trx as unknown as Parameters<typeof up>[0]
    for (const statement of [
      'drop trigger appointments_relationship_evidence on appointments',
      'drop function decide_relationship_evidence()',
      'alter table appointments drop column access_basis, drop column original_ends_at',
    ])
      await sql.raw(statement).execute(trx)
    await up(connection)
    const rows = await trx
      .selectFrom('appointments')
      .select(['id', 'accessBasis', 'endsAt', 'originalEndsAt'])
      .execute()
    expect(made.map(({ id }) => rows.find((row) => row.id === id)!.accessBasis)).toEqual([
      'emergency',
      'relationship',
      'relationship',
    ])
    for (const { endsAt, originalEndsAt } of rows) expect(originalEndsAt).toEqual(endsAt)
    throw rollBack
  })
  expect(await migrated.catch((error) => error)).toBe(rollBack)
})
