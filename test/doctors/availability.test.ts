import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp, type TestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const patient = await t.newPatient()
const clinic = await t.newClinic()

const newDoctor = (options: Partial<Parameters<TestApp['newDoctor']>[0]> = {}) =>
  t.newDoctor({ clinicId: clinic.id, weekly: [], ...options })
type Doctor = Awaited<ReturnType<typeof newDoctor>>

const monday = [{ weekday: 1, start: '09:00', end: '12:00' }]
const tuesday = [{ weekday: 2, start: '13:00', end: '24:00' }]
const march = { validFrom: '2026-03-01', validUntil: '2026-03-31' }

const set = (doctor: Doctor, body: object, options?: { headers: Record<string, string> }) =>
  t.as(doctor.actor).post('/doctors/availability', body, options)
const read = (doctor: Doctor) => t.as(doctor.actor).get(`/doctors/${doctor.id}/availability`)
const schedulesOf = async (doctor: Doctor) => (await read(doctor)).body.clinics[0].schedules
const standing = (weekly: object[]) => ({ validFrom: null, validUntil: null, weekly })

describe('working hours', () => {
  test('hours without dates replace the standing week of the doctor’s only clinic', async () => {
    const doctor = await newDoctor()
    const first = await set(doctor, { weekly: [...tuesday, ...monday] })
    expect(first.status).toBe(200)
    const hours = {
      doctorId: doctor.id,
      clinics: [{ clinicId: clinic.id, timeZone: 'America/New_York', schedules: [standing([...monday, ...tuesday])] }],
      exceptions: [],
    }
    expect(first.body).toEqual({ ...hours, appointmentsOutsideHours: [], outsideHoursTotal: 0 })
    expect((await read(doctor)).body).toEqual(hours)
    await set(doctor, { weekly: tuesday })
    expect(await schedulesOf(doctor)).toEqual([standing(tuesday)])
    const windows = await t.db
      .selectFrom('scheduleWindows')
      .innerJoin('schedules', 'schedules.id', 'scheduleId')
      .select(['weekday', 'startTime', 'endTime'])
      .where('doctorId', '=', doctor.id)
      .execute()
    expect(windows).toEqual([{ weekday: 2, startTime: '13:00:00', endTime: '24:00:00' }])
    const audit = await t
      .auditEvents()
      .select(['kind', 'action', 'actorId'])
      .where('targetId', '=', doctor.id)
      .execute()
    expect(audit).toEqual(Array(2).fill({ kind: 'availability.set', action: 'U', actorId: doctor.actor.userId }))
  })

  test('an empty standing week removes all hours', async () => {
    const doctor = await newDoctor()
    await set(doctor, { weekly: monday })
    expect((await set(doctor, { weekly: [] })).status).toBe(200)
    expect(await schedulesOf(doctor)).toEqual([standing([])])
  })

  test('a dated schedule is kept beside the standing week and replaces one of exactly the same period', async () => {
    const doctor = await newDoctor()
    await set(doctor, { weekly: monday })
    await set(doctor, { weekly: tuesday, ...march })
    await set(doctor, { weekly: monday, validFrom: '2026-04-01', validUntil: '2026-04-01' })
    expect((await set(doctor, { weekly: [], ...march })).status).toBe(200)
    expect(await schedulesOf(doctor)).toEqual([
      standing(monday),
      { ...march, weekly: [] },
      { validFrom: '2026-04-01', validUntil: '2026-04-01', weekly: monday },
    ])
  })

  test('dated schedules of a clinic must not overlap by a single day', async () => {
    const doctor = await newDoctor()
    await set(doctor, { weekly: monday, ...march })
    for (const period of [
      { validFrom: '2026-03-31', validUntil: '2026-04-30' },
      { validFrom: '2026-02-01', validUntil: '2026-03-01' },
      { validFrom: '2026-03-01', validUntil: '2026-03-30' },
      { validFrom: '2026-01-01', validUntil: '2026-12-31' },
    ]) {
      const answer = await set(doctor, { weekly: tuesday, ...period })
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'validFrom' }] } })
    }
    expect(await schedulesOf(doctor)).toMatchObject([standing([]), { ...march, weekly: monday }])
  })

  test('refuses hours that overlap or end before they start, and names the field', async () => {
    const doctor = await newDoctor()
    const bad: [string, object][] = [
      ['weekly.1.start', { weekly: [...monday, { weekday: 1, start: '11:59', end: '13:00' }] }],
      ['weekly.0.end', { weekly: [{ weekday: 1, start: '12:00', end: '12:00' }] }],
      ['weekly.0.end', { weekly: [{ weekday: 1, start: '12:00', end: '11:00' }] }],
      ['weekly.0.start', { weekly: [{ weekday: 1, start: '24:00', end: '24:00' }] }],
      ['weekly.0.start', { weekly: [{ weekday: 1, start: '9:00', end: '10:00' }] }],
      ['weekly.0.weekday', { weekly: [{ weekday: 0, start: '09:00', end: '10:00' }] }],
      ['validUntil', { weekly: monday, validFrom: '2026-03-01' }],
      ['validFrom', { weekly: monday, validUntil: '2026-03-01' }],
      ['validUntil', { weekly: monday, validFrom: '2026-03-02', validUntil: '2026-03-01' }],
      ['validFrom', { weekly: monday, validFrom: '2026-02-30', validUntil: '2026-03-01' }],
      ['weekly', {}],
    ]
    for (const [path, body] of bad)
      expect(await set(doctor, body)).toMatchObject({ status: 422, body: { errors: [{ path }] } })
    expect(await schedulesOf(doctor)).toEqual([standing([])])
  })

  test('hours of one day may touch each other', async () => {
    const weekly = [...monday, { weekday: 1, start: '12:00', end: '13:00' }]
    expect((await set(await newDoctor(), { weekly })).status).toBe(200)
  })

  test('a doctor with several clinics must name the clinic of the hours, and gets 403 for a clinic of others', async () => {
    const doctor = await newDoctor()
    const [second, stranger] = [await t.newClinic({ timeZone: 'Europe/Berlin' }), await t.newClinic()]
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: second.id }).execute()
    const unnamed = await set(doctor, { weekly: monday })
    expect(unnamed).toMatchObject({ status: 422, body: { errors: [{ path: 'clinicId' }] } })
    for (const clinicId of [stranger.id, newId()])
      expect(await set(doctor, { weekly: monday, clinicId })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      })
    expect((await set(doctor, { weekly: monday, clinicId: second.id })).status).toBe(200)
    const { clinics } = (await read(doctor)).body
    const at = (id: string) => clinics.find(({ clinicId }: { clinicId: string }) => clinicId === id)
    expect(at(second.id)).toEqual({ clinicId: second.id, timeZone: 'Europe/Berlin', schedules: [standing(monday)] })
    expect(at(clinic.id).schedules).toEqual([standing([])])
    const homeless = await newDoctor()
    await t.db.deleteFrom('doctorClinics').where('doctorId', '=', homeless.id).execute()
    expect(await set(homeless, { weekly: monday })).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'clinicId' }] },
    })
  })

  test('an admin must name the doctor of the hours, a doctor may name only themselves, and a patient gets 403', async () => {
    const [doctor, other] = [await newDoctor(), await newDoctor()]
    const post = (client: typeof t.anonymous, doctorId?: string) =>
      client.post('/doctors/availability', { weekly: monday, ...(doctorId && { doctorId }) })
    expect(await post(t.as(admin), doctor.id)).toMatchObject({ status: 200, body: { doctorId: doctor.id } })
    expect(await post(t.as(admin))).toMatchObject({ status: 422, body: { errors: [{ path: 'doctorId' }] } })
    expect((await post(t.as(admin), newId())).status).toBe(404)
    expect((await post(t.as(doctor.actor), doctor.id)).status).toBe(200)
    expect((await post(t.as(doctor.actor), other.id)).status).toBe(404)
    expect((await post(t.as(patient.actor), doctor.id)).status).toBe(403)
    expect((await post(t.anonymous)).status).toBe(401)
    expect(await schedulesOf(other)).toEqual([standing([])])
  })

  test('an unverified doctor may set hours', async () => {
    const doctor = await newDoctor({ verified: false })
    expect((await set(doctor, { weekly: monday })).status).toBe(200)
  })

  test('every change of hours renews their version, and an outdated version is refused', async () => {
    const doctor = await newDoctor()
    const before = (await read(doctor)).headers.get('etag')!
    const first = await set(doctor, { weekly: monday }, { headers: { 'if-match': before } })
    expect(first.status).toBe(200)
    expect(first.headers.get('etag')).not.toBe(before)
    expect((await read(doctor)).headers.get('etag')).toBe(first.headers.get('etag'))
    const stale = await set(doctor, { weekly: tuesday, ...march }, { headers: { 'if-match': before } })
    expect(stale).toMatchObject({ status: 412, body: { code: 'version_mismatch' } })
    expect(await schedulesOf(doctor)).toEqual([standing(monday)])
  })

  test('one idempotency key sets the hours once', async () => {
    const doctor = await newDoctor()
    const key = { headers: { 'idempotency-key': 'my-week' } }
    const first = await set(doctor, { weekly: monday }, key)
    await set(doctor, { weekly: tuesday })
    const again = await set(doctor, { weekly: monday }, key)
    expect(again.text).toBe(first.text)
    expect(again.headers.get('etag')).toBe(first.headers.get('etag'))
    expect(await schedulesOf(doctor)).toEqual([standing(tuesday)])
  })

  test('concurrent changes of hours all succeed, and none is stored in part', async () => {
    const doctor = await newDoctor({ weekly: monday })
    await t.db.deleteFrom('scheduleWindows').execute()
    await t.db.deleteFrom('schedules').where('doctorId', '=', doctor.id).execute()
    const rounds = process.env.TEST_SCALE === 'full' ? 30 : 2
    for (let round = 0; round < rounds; round++) {
      const weeks = [1, 2, 3, 4, 5, 6].map((hour) =>
        [1, 2, 3].map((weekday) => ({ weekday, start: `0${hour}:00`, end: `0${hour}:30` })),
      )
      const period = { validFrom: `2027-01-${round + 1}`.replace(/-(\d)$/, '-0$1'), validUntil: '2027-02-01' }
      const dated = { ...period, validUntil: period.validFrom }
      const answers = await Promise.all(
        weeks.flatMap((weekly) => [set(doctor, { weekly }), set(doctor, { weekly, ...dated })]),
      )
      expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200))
      const schedules = await schedulesOf(doctor)
      expect(weeks).toContainEqual(schedules[0].weekly)
      expect(weeks).toContainEqual(schedules.at(-1).weekly)
      expect(schedules).toHaveLength(round + 2)
    }
  })

  test('exactly one of several concurrent dated schedules that overlap is stored', async () => {
    const doctor = await newDoctor()
    const answers = await Promise.all(
      ['2026-05-10', '2026-05-11', '2026-05-12', '2026-05-13'].map((validUntil) =>
        set(doctor, { weekly: monday, validFrom: '2026-05-01', validUntil }),
      ),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 422, 422, 422])
    expect(await schedulesOf(doctor)).toHaveLength(2)
  })
})

describe('reading hours', () => {
  test('any signed-in user may read hours, and only the doctor and admins see the note of an exception', async () => {
    const doctor = await newDoctor({ weekly: monday })
    const exception = (note: string, startsAt: string, endsAt: string) => ({
      id: newId(),
      doctorId: doctor.id,
      clinicId: clinic.id,
      kind: 'off' as const,
      note,
      startsAt: new Date(startsAt),
      endsAt: new Date(endsAt),
    })
    const holiday = exception('knee surgery', '2026-02-01T05:00:00Z', '2026-02-08T05:00:00Z')
    const forgotten = exception('long ago', '2020-02-01T05:00:00Z', '2020-02-08T05:00:00Z')
    await t.db.insertInto('availabilityExceptions').values([holiday, forgotten]).execute()
    const shown = {
      id: holiday.id,
      clinicId: clinic.id,
      startsAt: '2026-02-01T05:00:00Z',
      endsAt: '2026-02-08T05:00:00Z',
      kind: 'off',
    }
    const path = `/doctors/${doctor.id}/availability`
    const other = await newDoctor()
    for (const actor of [patient.actor, other.actor])
      expect((await t.as(actor).get(path)).body.exceptions).toEqual([shown])
    for (const actor of [doctor.actor, admin])
      expect((await t.as(actor).get(path)).body.exceptions).toEqual([{ ...shown, note: 'knee surgery' }])
    expect((await t.anonymous.get(path)).status).toBe(401)
    expect((await t.as(patient.actor).get(`/doctors/${newId()}/availability`)).status).toBe(404)
    expect((await t.as(patient.actor).get('/doctors/availability/availability')).status).toBe(422)
  })

  test('hours at a clinic that the doctor has left are not shown', async () => {
    const doctor = await newDoctor({ weekly: monday })
    await t.as(admin).put(`/doctors/${doctor.id}/verify`, { clinicIds: [] })
    expect((await read(doctor)).body.clinics).toEqual([])
  })
})
