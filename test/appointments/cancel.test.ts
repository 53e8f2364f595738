import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import type { AppointmentStatus } from '../../src/ledger/status'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const LATER = '2026-01-05T15:00:00Z'

async function makeAppointment(terms: Partial<Parameters<typeof t.newAppointment>[0]> = {}) {
  const patient = await t.newPatient()
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  const appointment = await t.newAppointment({ patient, doctor, startsAt: LATER, reason: 'Private', ...terms })
  return { patient, doctor, id: appointment.id, path: `/appointments/${appointment.id}/cancel` }
}

const storedAppointment = (id: string) =>
  t.db.selectFrom('appointments').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const takenBy = (id: string) =>
  t.db.selectFrom('occupancy').select('kind').where('appointmentId', '=', id).orderBy('kind').execute()

describe('cancelling', () => {
  test('cancelling an appointment frees its time at once for the doctor and the patient', async () => {
    const { patient, doctor, id, path } = await makeAppointment()
    const cancelled = await t.as(patient.actor).put(path, { reason: 'Travelling' })
    expect(cancelled).toMatchObject({ status: 200, body: { id, status: 'cancelled', version: 2, reason: 'Private' } })
    expect(cancelled.headers.get('etag')).toBe('"2"')
    expect(await t.as(patient.actor).get(`/appointments/${id}`)).toMatchObject({ body: cancelled.body })
    expect(await storedAppointment(id)).toMatchObject({
      cancelledAt: NOW,
      cancelledBy: patient.actor.userId,
      cancellationReason: 'Travelling',
      calendarSequence: 1,
    })
    expect(await takenBy(id)).toEqual([])
    const audit = await t.auditEvents().selectAll().where('targetId', '=', id).execute()
    expect(audit[0]).toMatchObject({ kind: 'appointment.cancel', action: 'U', patientIds: [patient.id] })

    const again = { doctorId: doctor.id, startsAt: LATER }
    expect(await t.as(patient.actor).post('/appointments', again)).toMatchObject({ status: 201 })
  })

  test('doctors and admins may cancel, the body is optional, and admins do not see the reason for the visit', async () => {
    const one = await makeAppointment()
    expect(await t.as(one.doctor.actor).put(one.path)).toMatchObject({ status: 200, body: { reason: 'Private' } })
    const two = await makeAppointment()
    expect(await t.as(admin).put(two.path, {})).toMatchObject({ status: 200, body: { reason: null } })
  })

  test('answers 404 if another patient or doctor cancels, and for an unknown appointment', async () => {
    const { id, path } = await makeAppointment()
    const [stranger, otherDoctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
    for (const { actor } of [stranger, otherDoctor])
      expect(await t.as(actor).put(path)).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await t.as(admin).put(`/appointments/${crypto.randomUUID()}/cancel`)).toMatchObject({ status: 404 })
    expect(await storedAppointment(id)).toMatchObject({ status: 'booked', version: 1 })
  })

  const outcomes: Record<AppointmentStatus, number> = {
    held: 200,
    booked: 200,
    checked_in: 409,
    completed: 409,
    no_show: 409,
    cancelled: 409,
    expired: 409,
  }
  test.each(Object.entries(outcomes) as [AppointmentStatus, number][])(
    'cancelling an appointment with status %s answers %i',
    async (status, expected) => {
      const { patient, id, path } = await makeAppointment({ status })
      const before = await takenBy(id)
      const answer = await t.as(patient.actor).put(path)
      expect(answer.status).toBe(expected)
      if (expected === 200) return
      expect(answer.body.code).toBe('invalid_state')
      expect(await storedAppointment(id)).toMatchObject({ status, version: 1, calendarSequence: 0 })
      expect(await takenBy(id)).toEqual(before)
    },
  )

  test('an appointment cannot be cancelled once it has started', async () => {
    const started = await makeAppointment({ startsAt: NOW })
    expect(await t.as(started.patient.actor).put(started.path)).toMatchObject({
      status: 409,
      body: { code: 'invalid_state' },
    })
    const aboutTo = await makeAppointment({ startsAt: new Date(NOW.getTime() + 1) })
    expect(await t.as(aboutTo.patient.actor).put(aboutTo.path)).toMatchObject({ status: 200 })
  })

  test('cancelling an appointment cancels its pending payment and keeps a paid or failed one', async () => {
    for (const [status, after] of [
      ['pending', 'cancelled'],
      ['succeeded', 'succeeded'],
      ['failed', 'failed'],
    ] as const) {
      const { patient, id, path } = await makeAppointment()
      const paymentId = newId()
      await t.db
        .insertInto('payments')
        .values({
          id: paymentId,
          appointmentId: id,
          amount: 9500,
          currency: 'USD',
          method: 'cash',
          provider: 'desk',
          status,
          createdBy: patient.actor.userId,
          createdAt: NOW,
        })
        .execute()
      const payment = { id: paymentId, status: after, amount: 9500, currency: 'USD' }
      expect(await t.as(patient.actor).put(path)).toMatchObject({ status: 200, body: { payment } })
      expect((await t.as(patient.actor).get(`/appointments/${id}`)).body.payment).toEqual(payment)
    }
  })

  test('cancelling with an outdated version answers 412, whatever the status of the appointment', async () => {
    const { patient, path } = await makeAppointment()
    const ifMatch = (version: number) => ({ headers: { 'if-match': `"${version}"` } })
    expect(await t.as(patient.actor).put(path, {}, ifMatch(2))).toMatchObject({ status: 412 })
    expect(await t.as(patient.actor).put(path, {}, ifMatch(1))).toMatchObject({ status: 200 })
    expect(await t.as(patient.actor).put(path, {}, ifMatch(1))).toMatchObject({ status: 412 })
  })

  test('cancelling twice with one idempotency key cancels once and replays the answer', async () => {
    const { patient, id, path } = await makeAppointment()
    const key = { headers: { 'idempotency-key': 'cancel-once' } }
    const first = await t.as(patient.actor).put(path, {}, key)
    const second = await t.as(patient.actor).put(path, {}, key)
    expect(first.status).toBe(200)
    expect(second.text).toBe(first.text)
    expect(second.headers.get('etag')).toBe('"2"')
    expect(await storedAppointment(id)).toMatchObject({ version: 2 })
  })
})
