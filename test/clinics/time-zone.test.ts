import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '12:00' }))

type Listed = { id: string }
const move = (clinic: { id: string }, timeZone: string) => t.as(admin).patch(`/clinics/${clinic.id}`, { timeZone })
const idsOf = (body: { appointmentsOutsideHours: Listed[] }) => body.appointmentsOutsideHours.map(({ id }) => id)

async function newVisit(doctor: Awaited<ReturnType<typeof t.newDoctor>>, startsAt: string, terms: object = {}) {
  return t.newAppointment({ patient: await t.newPatient(), doctor, startsAt, ...terms })
}
const stored = (id: string) =>
  t.db
    .selectFrom('appointments')
    .innerJoin('occupancy', 'occupancy.appointmentId', 'appointments.id')
    .select(['startsAt', 'endsAt', 'date', 'timeZone', 'version', 'during'])
    .where('appointments.id', '=', id)
    .orderBy('kind')
    .execute()

describe('a new time zone of a clinic', () => {
  test('a new time zone moves the hours of a clinic but no appointment, and lists appointments outside hours', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
    // Nine and eleven in New York are eight and ten in Chicago.
    const nine = await newVisit(doctor, '2026-01-06T14:00:00Z')
    const eleven = await newVisit(doctor, '2026-01-06T16:00:00Z')
    const before = await Promise.all([nine, eleven].map(({ id }) => stored(id)))

    const moved = await move(clinic, 'America/Chicago')
    expect(moved.status).toBe(200)
    expect(moved.body.appointmentsOutsideHours).toEqual([
      {
        id: nine.id,
        status: 'booked',
        doctorId: doctor.id,
        patientId: nine.patientId,
        startsAt: '2026-01-06T14:00:00Z',
        endsAt: '2026-01-06T14:30:00Z',
        localStart: '2026-01-06T09:00:00-05:00',
      },
    ])
    expect(moved.body.outsideHoursTotal).toBe(1)
    expect(await Promise.all([nine, eleven].map(({ id }) => stored(id)))).toEqual(before)
    expect((await t.as(admin).get(`/appointments/${nine.id}`)).body).toMatchObject({
      startsAt: '2026-01-06T14:00:00Z',
      localStart: '2026-01-06T09:00:00-05:00',
      clinic: { timeZone: 'America/New_York' },
    })
    const query = { from: '2026-01-06', to: '2026-01-06' }
    const { body } = await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query })
    expect(body.data.map(({ localStart }: { localStart: string }) => localStart.slice(11))).toEqual([
      '09:00:00-06:00',
      '09:30:00-06:00',
      '10:30:00-06:00',
      '11:00:00-06:00',
      '11:30:00-06:00',
    ])
    const audit = await t.auditEvents().select(['kind', 'patientIds']).where('targetId', '=', clinic.id).execute()
    expect(audit).toEqual([{ kind: 'clinic.update', patientIds: [nine.patientId] }])
  })

  test('a new time zone is checked against the hours of each doctor of the clinic, and not of other clinics', async () => {
    const [clinic, other] = [await t.newClinic(), await t.newClinic()]
    const early = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
    const wide = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '00:00', end: '24:00' }))
    const always = await t.newDoctor({ clinicId: clinic.id, weekly: wide })
    const gone = await t.newDoctor({ clinicId: clinic.id, weekly: wide })
    const visits = [
      await newVisit(early, '2026-01-06T14:00:00Z'),
      await newVisit(gone, '2026-01-06T17:00:00Z'),
      await newVisit(early, '2026-01-06T18:00:00Z', { status: 'held' }),
    ]
    await newVisit(always, '2026-01-06T14:00:00Z')
    await newVisit(early, '2026-01-06T16:00:00Z', { status: 'cancelled' })
    await newVisit(early, '2026-01-05T11:00:00Z', { status: 'completed' })
    await newVisit(await t.newDoctor({ clinicId: other.id, weekly: everyDay }), '2026-01-06T14:00:00Z')
    await t.db.deleteFrom('doctorClinics').where('doctorId', '=', gone.id).execute()
    expect(idsOf((await move(clinic, 'Asia/Kathmandu')).body)).toEqual(visits.map(({ id }) => id))
  })

  test('extra hours keep their instants in a new time zone, and closures and dated schedules keep their local days', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
    const terms = { doctorId: doctor.id, clinicId: clinic.id }
    const startsAt = new Date('2026-01-10T22:00:00Z')
    await t.db
      .insertInto('availabilityExceptions')
      .values({ id: newId(), ...terms, startsAt, endsAt: new Date('2026-01-10T23:00:00Z'), kind: 'extra' })
      .execute()
    await t.db
      .insertInto('clinicClosures')
      .values({ id: newId(), clinicId: clinic.id, startsOn: '2026-01-21', endsOn: '2026-01-21' })
      .execute()
    const scheduleId = newId()
    const period = { validFrom: '2026-01-20', validUntil: '2026-01-22' }
    await t.db
      .insertInto('schedules')
      .values({ id: scheduleId, ...terms, ...period })
      .execute()
    await t.db
      .insertInto('scheduleWindows')
      .values(everyDay.map(({ weekday }) => ({ scheduleId, weekday, startTime: '00:00', endTime: '24:00' })))
      .execute()
    await newVisit(doctor, '2026-01-10T22:00:00Z')
    await newVisit(doctor, '2026-01-20T20:00:00Z')
    // Still the 20th in New York, the closed 21st in Berlin; then the open 22nd there, past the closure.
    const closed = await newVisit(doctor, '2026-01-20T23:30:00Z')
    await newVisit(doctor, '2026-01-22T20:00:00Z')
    // The last evening of the dated week in New York is the day after it in Berlin.
    const beyond = await newVisit(doctor, '2026-01-22T23:30:00Z')
    expect(idsOf((await move(clinic, 'Europe/Berlin')).body)).toEqual([closed.id, beyond.id])
  })

  test('changing a clinic lists appointments outside hours only if its time zone changes', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: [] })
    await newVisit(doctor, '2026-01-06T14:00:00Z')
    for (const changes of [{ name: 'New' }, { timeZone: 'America/New_York' }]) {
      const { body } = await t.as(admin).patch(`/clinics/${clinic.id}`, changes)
      expect(Object.keys(body)).toEqual(['id', 'name', 'timeZone', 'currency', 'address', 'phone'])
    }
    expect((await move(clinic, 'Europe/Dublin')).body.outsideHoursTotal).toBe(1)
  })

  test('refuses a new time zone for an outdated version of a clinic', async () => {
    const clinic = await t.newClinic()
    const stale = { headers: { 'if-match': '"7"' } }
    const answer = await t.as(admin).patch(`/clinics/${clinic.id}`, { timeZone: 'Europe/Berlin' }, stale)
    expect(answer).toMatchObject({ status: 412, body: { code: 'version_mismatch' } })
    expect((await t.anonymous.get(`/clinics/${clinic.id}`)).body.timeZone).toBe('America/New_York')
    expect((await move({ id: newId() }, 'Europe/Berlin')).status).toBe(404)
  })
})
