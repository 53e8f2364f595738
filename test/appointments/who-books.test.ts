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
  test('a patient books for themselves and their wards; anybody else is as good as missing', async () => {
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

  test('an admin books for anybody by name, and sees no reason in the answer', async () => {
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

  test('a doctor books with themselves only, and names the patient', async () => {
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
    ['that the patient booked', {}, 201],
    ['that is completed, though the doctor made it alone', { status: 'completed', createdBy: doctor.actor }, 201],
    ['that the doctor made alone and that did not take place', { createdBy: doctor.actor }, 404],
    ['that was cancelled', { status: 'cancelled' }, 404],
    ['that was only held', { status: 'held' }, 404],
    ['more than a year ago', { status: 'completed', startsAt: YEAR_AGO }, 404],
  ] as const)('a doctor books, or not, for a patient with a visit %s', async (_title, visit, status) => {
    const patient = await t.newPatient()
    const fresh = await t.newDoctor({ clinicId: clinic.id })
    const createdBy = 'createdBy' in visit ? fresh.actor : patient.actor
    await t.newAppointment({ patient, doctor: fresh, startsAt: '2026-01-02T15:00:00Z', ...visit, createdBy })
    const body = { doctorId: fresh.id, startsAt: at('13:00'), patientId: patient.id }
    expect(await t.as(fresh.actor).post('/appointments', body)).toMatchObject({ status })
  })
})
