import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const YEAR_AGO = '2025-01-05T11:00:00Z'
const at = (time: string) => `2026-01-06T${time}:00-05:00`

const book = (actor: Caller, body: object) => t.as(actor).post('/appointments', { doctorId: doctor.id, ...body })
const NOT_FOUND = { status: 404, body: { code: 'not_found', detail: 'There is no such patient.' } }

describe('who may book for whom', () => {
  test('a patient may book for themselves and their wards, and gets 404 for anybody else', async () => {
    const [patient, stranger] = [await t.newPatient(), await t.newPatient()]
    const ward = await t.newPatient({ account: false })
    await t.db.insertInto('patientGuardians').values({ userId: patient.actor.userId, patientId: ward.id }).execute()
    expect(await book(patient.actor, { startsAt: at('09:00'), patientId: patient.id })).toMatchObject({ status: 201 })
    expect(await book(patient.actor, { startsAt: at('09:30'), patientId: ward.id })).toMatchObject({
      status: 201,
      body: { patient: { id: ward.id } },
    })
    for (const patientId of [stranger.id, crypto.randomUUID()])
      expect(await book(patient.actor, { startsAt: at('10:00'), patientId })).toMatchObject(NOT_FOUND)
    expect(await book(stranger.actor, { startsAt: at('10:00'), patientId: ward.id })).toMatchObject(NOT_FOUND)
  })

  test('an admin may book for any patient by id, and does not see the reason', async () => {
    const patient = await t.newPatient({ account: false })
    expect(await book(admin, { startsAt: at('11:00') })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'patientId' }] },
    })
    const booked = await book(admin, { startsAt: at('11:00'), patientId: patient.id, reason: 'Told by phone' })
    expect(booked).toMatchObject({ status: 201, body: { patient: { id: patient.id }, reason: null } })
    const stored = await t.db
      .selectFrom('appointments')
      .select(['reason', 'createdByRole'])
      .where('id', '=', booked.body.id)
      .executeTakeFirst()
    expect(stored).toEqual({ reason: 'Told by phone', createdByRole: 'admin' })
    expect(await book(admin, { startsAt: at('11:30'), patientId: crypto.randomUUID() })).toMatchObject(NOT_FOUND)
  })

  test('a doctor may book only their own time, and must name the patient', async () => {
    const other = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: '2026-01-02T15:00:00Z', status: 'completed' })
    expect(await book(other.actor, { startsAt: at('12:00'), patientId: patient.id })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    expect(await book(doctor.actor, { startsAt: at('12:00') })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'patientId' }] },
    })
    expect(await book(doctor.actor, { startsAt: at('12:00'), patientId: patient.id })).toMatchObject({ status: 201 })
  })

  test.each([
    ['may book for a patient who booked a visit with them', {}, 201],
    [
      'may book for a patient whose completed visit they booked themselves',
      { status: 'completed', createdBy: doctor.actor },
      201,
    ],
    [
      'may not book for a patient whose only visit they booked themselves and that did not take place',
      { createdBy: doctor.actor },
      404,
    ],
    ['may not book for a patient whose only visit was cancelled', { status: 'cancelled' }, 404],
    ['may not book for a patient whose only visit was a hold', { status: 'held' }, 404],
    [
      'may not book for a patient whose last visit was more than a year ago',
      { status: 'completed', startsAt: YEAR_AGO },
      404,
    ],
  ] as const)('a doctor %s', async (_title, visit, status) => {
    const patient = await t.newPatient()
    const fresh = await t.newDoctor({ clinicId: clinic.id })
    const createdBy = 'createdBy' in visit ? fresh.actor : patient.actor
    await t.newAppointment({ patient, doctor: fresh, startsAt: '2026-01-02T15:00:00Z', ...visit, createdBy })
    const body = { doctorId: fresh.id, startsAt: at('13:00'), patientId: patient.id }
    expect(await t.as(fresh.actor).post('/appointments', body)).toMatchObject({ status })
  })
})
