import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW } from '../support/app'
import { occupancyFaults } from '../support/occupancy'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const at = (time: string, day = '2026-01-06') => `${day}T${time}:00-05:00`

async function booked(visitType: Parameters<typeof t.newDoctor>[0]['visitType'] = {}, time = '10:00') {
  const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id, visitType })]
  const { body } = await t.as(patient.actor).post('/appointments', { doctorId: doctor.id, startsAt: at(time) })
  const path = `/appointments/${body.id}/reschedule`
  return { patient, doctor, body, id: body.id as string, path, move: (to: object) => t.as(patient.actor).put(path, to) }
}

const stored = (id: string) =>
  t.db.selectFrom('appointments').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const freeTimes = async (doctorId: string) => {
  const query = { from: '2026-01-06', to: '2026-01-06' }
  const { body } = await t.anonymous.get(`/doctors/${doctorId}/slots`, { query })
  return body.data.map(({ localStart }: { localStart: string }) => localStart.slice(11, 16)) as string[]
}

describe('rescheduling', () => {
  test('rescheduling keeps the appointment id, takes the new time and frees the old one at once', async () => {
    const { patient, doctor, body, id, move } = await booked()
    const moved = await move({ startsAt: at('14:30') })
    expect(moved.status).toBe(200)
    expect(moved.body).toEqual({
      ...body,
      startsAt: '2026-01-06T19:30:00Z',
      endsAt: '2026-01-06T20:00:00Z',
      localStart: '2026-01-06T14:30:00-05:00',
      version: 2,
    })
    expect(moved.headers.get('etag')).toBe('"2"')
    expect((await t.as(patient.actor).get(`/appointments/${id}`)).body).toEqual(moved.body)
    expect(await stored(id)).toMatchObject({ calendarSequence: 1, date: '2026-01-06', status: 'booked' })
    const free = await freeTimes(doctor.id)
    expect([free.includes('10:00'), free.includes('14:30')]).toEqual([true, false])
    const audit = await t.auditEvents().selectAll().where('targetId', '=', id).execute()
    expect(audit[1]).toMatchObject({ kind: 'appointment.reschedule', action: 'U', patientIds: [patient.id] })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('an appointment can be rescheduled to a time that overlaps its own', async () => {
    const { move } = await booked({ durationMinutes: 60, slotIntervalMinutes: 15, bufferAfterMinutes: 30 })
    for (const time of ['10:15', '10:15', '09:45'])
      expect(await move({ startsAt: at(time) })).toMatchObject({ status: 200 })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('rescheduling keeps the booked price, policy, duration and buffers but checks today’s notice, horizon and grid', async () => {
    const { doctor, body, id, move } = await booked({ bufferBeforeMinutes: 5 })
    await t.db
      .updateTable('visitTypes')
      .set({
        durationMinutes: 60,
        slotIntervalMinutes: 20,
        bufferBeforeMinutes: 0,
        bufferAfterMinutes: 120,
        priceAmount: 1,
        cancellationFreeUntilMinutes: 0,
        minimumNoticeMinutes: 24 * 60,
        horizonDays: 2,
        active: false,
      })
      .where('id', '=', doctor.visitTypeId)
      .execute()
    const moved = await move({ startsAt: at('10:20') })
    expect(moved).toMatchObject({
      status: 200,
      body: { price: body.price, cancellationPolicy: body.cancellationPolicy, endsAt: '2026-01-06T15:50:00Z' },
    })
    const { during } = await t.db
      .selectFrom('occupancy')
      .select('during')
      .where('appointmentId', '=', id)
      .where('kind', '=', 'doctor')
      .executeTakeFirstOrThrow()
    expect(during).toBe('["2026-01-06 15:15:00+00","2026-01-06 15:50:00+00")')
    const refused = async (startsAt: string) => {
      const { status, body } = await move({ startsAt })
      const broken = body.rules?.filter(({ pass }: { pass: boolean }) => !pass) ?? []
      return [status, body.code, ...broken.map(({ rule }: { rule: string }) => rule)]
    }
    expect(await refused(at('14:00', '2026-01-05'))).toEqual([409, 'not_bookable', 'minimum_notice'])
    expect(await refused(at('10:30'))).toEqual([409, 'not_bookable', 'grid'])
    expect(await refused(at('09:00', '2026-01-08'))).toEqual([409, 'not_bookable', 'horizon'])
    expect(await refused(at('18:00'))).toEqual([409, 'not_bookable', 'hours'])
    expect(await stored(id)).toMatchObject({ version: 2 })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('rescheduling to a busy time changes nothing and offers free times of the same doctor', async () => {
    const { patient, doctor, id, path, move } = await booked({ durationMinutes: 60, slotIntervalMinutes: 30 })
    const other = await t.newPatient()
    await t.newAppointment({ patient: other, doctor, startsAt: at('12:00') })
    await t.newDoctor({ clinicId: clinic.id })
    const before = await stored(id)
    const refused = await move({ startsAt: at('12:00') })
    expect(refused).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    expect(await stored(id)).toEqual(before)
    const { alternatives } = refused.body as {
      alternatives: { doctorId: string; startsAt: string; localStart: string }[]
    }
    expect(alternatives.map(({ localStart }) => localStart.slice(11, 16))).toEqual([
      '11:00',
      '13:00',
      '10:30',
      '13:30',
      '10:00',
    ])
    for (const { doctorId, startsAt } of alternatives) {
      expect(doctorId).toBe(doctor.id)
      expect(await t.as(patient.actor).put(path, { startsAt })).toMatchObject({ status: 200 })
    }
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('rescheduling never offers times of another doctor', async () => {
    const weekly = [{ weekday: 2, start: '09:00', end: '10:30' }]
    const visitType = { horizonDays: 1 }
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly, visitType })
    await t.newDoctor({ clinicId: clinic.id, visitType })
    const [patient, other] = [await t.newPatient(), await t.newPatient()]
    const { id } = await t.newAppointment({ patient, doctor, startsAt: at('09:00') })
    await t.newAppointment({ patient: other, doctor, startsAt: at('10:00') })
    const refused = await t.as(patient.actor).put(`/appointments/${id}/reschedule`, { startsAt: at('10:00') })
    const times = refused.body.alternatives.map(({ localStart }: { localStart: string }) => localStart.slice(11, 16))
    expect(times).toEqual(['09:30', '09:00'])
  })

  test('rescheduling to a time at which the patient is busy answers patient_busy', async () => {
    const { patient, move } = await booked()
    const other = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: other, startsAt: at('12:00') })
    const refused = await move({ startsAt: at('12:00') })
    expect(refused).toMatchObject({ status: 409, body: { code: 'patient_busy' } })
    expect(refused.body.alternatives).toHaveLength(5)
  })

  test('an expired hold does not block rescheduling', async () => {
    const { doctor, move } = await booked()
    const hold = await t.newAppointment({
      patient: await t.newPatient(),
      doctor,
      startsAt: at('12:00'),
      status: 'held',
      holdExpiresAt: NOW,
    })
    expect(await move({ startsAt: at('12:00') })).toMatchObject({ status: 200 })
    expect(await stored(hold.id)).toMatchObject({ status: 'expired' })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a rescheduled appointment stays at its clinic unless the doctor has hours only elsewhere or another clinic is named', async () => {
    const tokyo = await t.newClinic({ timeZone: 'Asia/Tokyo' })
    const { doctor, move, id } = await booked()
    const scheduleId = newId()
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: tokyo.id }).execute()
    await t.db.insertInto('schedules').values({ id: scheduleId, doctorId: doctor.id, clinicId: tokyo.id }).execute()
    // From 10:00 to 22:00 in New York.
    const hours = [{ weekday: 3, startTime: '00:00', endTime: '12:00' }]
    await t.db
      .insertInto('scheduleWindows')
      .values(hours.map((window) => ({ scheduleId, ...window })))
      .execute()
    expect(await move({ startsAt: at('11:00') })).toMatchObject({ status: 200, body: { clinic: { id: clinic.id } } })
    expect(await move({ startsAt: at('20:00') })).toMatchObject({
      status: 200,
      body: { clinic: { id: tokyo.id, timeZone: 'Asia/Tokyo' }, localStart: '2026-01-07T10:00:00+09:00' },
    })
    expect(await stored(id)).toMatchObject({ date: '2026-01-07', timeZone: 'Asia/Tokyo' })
    const named = { startsAt: at('12:00'), clinicId: clinic.id }
    expect(await move(named)).toMatchObject({ status: 200, body: { clinic: { id: clinic.id } } })
    expect(await move({ ...named, clinicId: crypto.randomUUID() })).toMatchObject({ body: { code: 'not_bookable' } })
  })

  test('only a booked appointment that has not started can be rescheduled, and If-Match is checked', async () => {
    const { patient, doctor, path, id, move } = await booked()
    const to = { startsAt: at('11:00') }
    const put = (ifMatch: string) => t.as(patient.actor).put(path, to, { headers: { 'if-match': ifMatch } })
    expect(await put('"2"')).toMatchObject({ status: 412 })
    expect(await put('"1"')).toMatchObject({ status: 200 })
    expect(await move({ startsAt: NOW.toISOString() })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'startsAt' }] },
    })
    t.clock.set(at('11:00'))
    expect(await move({ startsAt: at('15:00') })).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    t.clock.set(NOW)
    for (const status of ['held', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired'] as const) {
      const one = await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: at('15:00'), status })
      expect(await t.as(admin).put(`/appointments/${one.id}/reschedule`, to)).toMatchObject({
        status: 409,
        body: { code: 'invalid_state' },
      })
      await t.db.deleteFrom('occupancy').where('appointmentId', '=', one.id).execute()
      await t.db.deleteFrom('appointments').where('id', '=', one.id).execute()
    }
    await t.db.updateTable('doctors').set({ verifiedAt: null }).where('id', '=', doctor.id).execute()
    expect(await move({ startsAt: at('12:00') })).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    expect(await stored(id)).toMatchObject({ version: 2 })
  })

  test('only the patient, the doctor and admins may reschedule an appointment', async () => {
    const { doctor, path } = await booked()
    const [stranger, colleague] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
    for (const actor of [stranger.actor, colleague.actor])
      expect(await t.as(actor).put(path, { startsAt: at('11:00') })).toMatchObject({ status: 404 })
    expect(await t.as(doctor.actor).put(path, { startsAt: at('11:00') })).toMatchObject({ status: 200 })
    expect(await t.as(admin).put(path, { startsAt: at('11:30') })).toMatchObject({
      status: 200,
      body: { reason: null },
    })
  })

  test('rescheduling takes nine round trips', async () => {
    const { patient, path } = await booked()
    await wire.as(patient.actor).put(path, { startsAt: at('11:00') })
    const { answer, roundTrips } = await wire.measure(() => wire.as(patient.actor).put(path, { startsAt: at('12:00') }))
    expect(answer.status).toBe(200)
    expect(roundTrips).toBe(9)
  })
})
