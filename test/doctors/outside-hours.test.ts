import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp, type TestApp } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const everyDay = (start: string, end: string) => [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start, end }))
const newDoctor = (options: Partial<Parameters<TestApp['newDoctor']>[0]> = {}) =>
  t.newDoctor({ clinicId: clinic.id, weekly: everyDay('09:00', '17:00'), ...options })
type Doctor = Awaited<ReturnType<typeof newDoctor>>

const set = (doctor: Doctor, body: object, options?: { headers: Record<string, string> }) =>
  t.as(doctor.actor).post('/doctors/availability', body, options)
const schedulesOf = async (doctor: Doctor) =>
  (await t.as(doctor.actor).get(`/doctors/${doctor.id}/availability`)).body.clinics[0].schedules
const book = async (doctor: Doctor, local: string, terms: object = {}) =>
  t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: `2026-${local}:00-05:00`, ...terms })
const listed = ({ body }: { body: { appointmentsOutsideHours: { id: string }[] } }) =>
  body.appointmentsOutsideHours.map(({ id }) => id)
const week = { validFrom: '2026-02-02', validUntil: '2026-02-08' }

describe('changes of hours', () => {
  test('a change of hours moves no appointment and lists the future ones outside hours', async () => {
    const doctor = await newDoctor()
    const inside = await book(doctor, '01-06T09:00')
    const across = await book(doctor, '01-06T11:45')
    const after = await book(doctor, '01-08T12:00', { status: 'held' })
    await book(doctor, '01-06T15:00', { status: 'cancelled' })
    await book(doctor, '01-04T15:00')
    const stored = t.db.selectFrom('appointments').selectAll().where('doctorId', '=', doctor.id).orderBy('id')
    const before = await stored.execute()
    const changed = await set(doctor, { weekly: everyDay('09:00', '12:00') })
    expect(changed.body).toMatchObject({ doctorId: doctor.id, outsideHoursTotal: 2 })
    expect(changed.body.appointmentsOutsideHours).toEqual([
      {
        id: across.id,
        status: 'booked',
        doctorId: doctor.id,
        patientId: across.patientId,
        startsAt: '2026-01-06T16:45:00Z',
        endsAt: '2026-01-06T17:15:00Z',
        localStart: '2026-01-06T11:45:00-05:00',
      },
      expect.objectContaining({ id: after.id, status: 'held' }),
    ])
    expect(await stored.execute()).toEqual(before)
    const [audit] = await t.auditEvents().select('patientIds').where('targetId', '=', doctor.id).execute()
    expect(audit?.patientIds).toEqual([across.patientId, after.patientId])
    expect(listed(await set(doctor, { weekly: everyDay('11:30', '13:00') }))).toEqual([inside.id])
    expect(listed(await set(doctor, { weekly: everyDay('09:00', '17:00') }))).toEqual([])
  })

  test('a dated schedule decides on its own days, and the standing week on all others', async () => {
    const doctor = await newDoctor()
    const [standing, dated] = [await book(doctor, '02-01T10:00'), await book(doctor, '02-02T10:00')]
    expect(listed(await set(doctor, { weekly: [], ...week }))).toEqual([dated.id])
    expect(listed(await set(doctor, { weekly: everyDay('10:00', '10:30'), ...week }))).toEqual([])
    expect(listed(await set(doctor, { weekly: [] }))).toEqual([standing.id])
  })

  test('an appointment in extra hours is inside hours, and one in time off or a closure is not', async () => {
    const doctor = await newDoctor()
    const visits = await Promise.all(['02-02', '02-03', '02-04'].map((day) => book(doctor, `${day}T10:00`)))
    const terms = { doctorId: doctor.id, clinicId: clinic.id }
    const hour = (day: string) => ({
      startsAt: new Date(`2026-${day}T14:30:00Z`),
      endsAt: new Date(`2026-${day}T16:00:00Z`),
    })
    const exceptions = [
      { id: newId(), ...terms, ...hour('02-02'), kind: 'extra' as const },
      { id: newId(), ...terms, ...hour('02-03'), kind: 'off' as const },
    ]
    await t.db.insertInto('availabilityExceptions').values(exceptions).execute()
    expect(listed(await set(doctor, { weekly: [] }))).toEqual([visits[1]!.id, visits[2]!.id])
    const closure = { id: newId(), clinicId: clinic.id, startsOn: '2026-02-04', endsOn: '2026-02-04' }
    await t.db.insertInto('clinicClosures').values(closure).execute()
    const open = await set(doctor, { weekly: everyDay('09:00', '17:00') })
    await t.db.deleteFrom('clinicClosures').where('id', '=', closure.id).execute()
    expect(listed(open)).toEqual([visits[1]!.id, visits[2]!.id])
  })

  test('a change of hours lists no appointment at another clinic or with another doctor', async () => {
    const doctor = await newDoctor()
    const second = await t.newClinic()
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: second.id }).execute()
    await book({ ...doctor, clinicId: second.id }, '02-02T10:00')
    await book(await newDoctor(), '02-02T10:00')
    expect((await set(doctor, { clinicId: clinic.id, weekly: [] })).body.outsideHoursTotal).toBe(0)
    expect((await set(doctor, { clinicId: second.id, weekly: [] })).body.outsideHoursTotal).toBe(1)
  })

  test('an appointment inside hours on the day of a clock change is not listed as outside hours', async () => {
    const doctor = await newDoctor({ weekly: everyDay('01:00', '04:00') })
    const at = async (startsAt: string) => t.newAppointment({ patient: await t.newPatient(), doctor, startsAt })
    // New York goes from 01:59 EST to 03:00 EDT on March 8.
    await at('2026-03-08T07:00:00Z')
    await at('2026-03-08T07:30:00Z')
    const past = await at('2026-03-08T08:00:00Z')
    expect(listed(await set(doctor, { weekly: everyDay('01:00', '04:00') }))).toEqual([past.id])
  })

  test('a change of hours lists the first hundred appointments outside hours and counts all of them', async () => {
    const doctor = await newDoctor()
    const patient = await t.newPatient()
    const starts = Array.from({ length: 105 }, (_, i) => new Date(Date.parse('2026-02-10T05:00:00Z') + i * 30 * 60_000))
    await Promise.all(starts.map((startsAt) => t.newAppointment({ patient, doctor, startsAt })))
    const { body } = await set(doctor, { weekly: [] })
    expect(body.outsideHoursTotal).toBe(105)
    expect(body.appointmentsOutsideHours.map(({ startsAt }: { startsAt: string }) => Date.parse(startsAt))).toEqual(
      starts.slice(0, 100).map((start) => start.getTime()),
    )
  })
})

describe('removal of a dated schedule', () => {
  test('a dated schedule is removed by its dates with a null week, and the standing week applies again', async () => {
    const doctor = await newDoctor({ weekly: everyDay('09:00', '10:00') })
    const visit = await book(doctor, '02-03T13:00')
    await set(doctor, { weekly: everyDay('13:00', '14:00'), ...week })
    const slots = async () => {
      const query = { from: '2026-02-03', to: '2026-02-03' }
      const { body } = await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query })
      return body.data.map(({ localStart }: { localStart: string }) => localStart.slice(11, 16))
    }
    expect(await slots()).toEqual(['13:30'])
    const gone = await set(doctor, { weekly: null, ...week })
    expect(gone.status).toBe(200)
    expect(listed(gone)).toEqual([visit.id])
    expect(gone.body.clinics[0].schedules).toEqual([
      { validFrom: null, validUntil: null, weekly: everyDay('09:00', '10:00') },
    ])
    expect(await slots()).toEqual(['09:00', '09:30'])
    const left = await t.db
      .selectFrom('schedules')
      .innerJoin('scheduleWindows', 'scheduleId', 'schedules.id')
      .select('validFrom')
      .distinct()
      .where('doctorId', '=', doctor.id)
      .execute()
    expect(left).toEqual([{ validFrom: null }])
  })

  test('removing an unknown dated schedule answers 404, and the standing week cannot be removed', async () => {
    const doctor = await newDoctor()
    await set(doctor, { weekly: [], ...week })
    const other = { ...week, validUntil: '2026-02-09' }
    expect(await set(doctor, { weekly: null, ...other })).toMatchObject({ status: 404, body: { code: 'not_found' } })
    expect(await set(doctor, { weekly: null })).toMatchObject({ status: 422, body: { errors: [{ path: 'weekly' }] } })
    expect(await schedulesOf(doctor)).toHaveLength(2)
  })

  test('removing a dated schedule renews the version of the hours, and an outdated version is refused', async () => {
    const doctor = await newDoctor()
    const first = await set(doctor, { weekly: [], ...week })
    const stale = { headers: { 'if-match': first.headers.get('etag')! } }
    const second = await set(doctor, { weekly: null, ...week }, stale)
    expect(Number(second.headers.get('etag')!.slice(1, -1))).toBeGreaterThan(
      Number(first.headers.get('etag')!.slice(1, -1)),
    )
    await set(doctor, { weekly: [], ...week })
    expect(await set(doctor, { weekly: null, ...week }, stale)).toMatchObject({ status: 412 })
    expect(await schedulesOf(doctor)).toHaveLength(2)
  })
})
