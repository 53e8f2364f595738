import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW, type TestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const PATH = '/doctors/availability/exceptions'
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '11:00' }))

const newDoctor = (options: Partial<Parameters<TestApp['newDoctor']>[0]> = {}) =>
  t.newDoctor({ clinicId: clinic.id, weekly: everyDay, ...options })
type Doctor = Awaited<ReturnType<typeof newDoctor>>
type Slot = { localStart: string; clinicId: string }

const at = (local: string) => `2026-01-${local}:00-05:00`
const add = (doctor: Doctor, from: string, until: string, more: object = {}) =>
  t.as(doctor.actor).post(PATH, { startsAt: at(from), endsAt: at(until), kind: 'off', ...more })
const slots = async (doctor: Doctor, from: string, to = from): Promise<Slot[]> =>
  (await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query: { from, to } })).body.data
const times = async (doctor: Doctor, day: string) =>
  (await slots(doctor, day)).map(({ localStart }) => localStart.slice(11, 16))
const shown = async (doctor: Doctor, actor = doctor.actor) =>
  (await t.as(actor).get(`/doctors/${doctor.id}/availability`)).body.exceptions
const auditOf = (targetId: string) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'actorId', 'patientIds', 'detail'])
    .where('targetId', '=', targetId)
    .where('outcome', '=', 'success')
    .execute()

describe('time off', () => {
  test('time off removes its slots, and deleting it restores them at once', async () => {
    const doctor = await newDoctor()
    const created = await add(doctor, '06T09:30', '06T10:15', { note: 'Dentist' })
    const exception = {
      id: created.body.id,
      clinicId: clinic.id,
      startsAt: '2026-01-06T14:30:00Z',
      endsAt: '2026-01-06T15:15:00Z',
      kind: 'off',
      note: 'Dentist',
    }
    expect(created.status).toBe(201)
    expect(created.body).toEqual({ ...exception, affectedAppointments: [], affectedTotal: 0 })
    expect(created.headers.get('location')).toBe(`${PATH}/${exception.id}`)
    expect((await t.as(doctor.actor).get(`${PATH}/${exception.id}`)).body).toEqual(exception)
    expect(await shown(doctor)).toEqual([exception])
    expect(await times(doctor, '2026-01-06')).toEqual(['09:00', '10:30'])
    expect(await times(doctor, '2026-01-07')).toEqual(['09:00', '09:30', '10:00', '10:30'])

    const { actor } = await t.newPatient()
    const booking = { doctorId: doctor.id, startsAt: at('06T10:00') }
    const refused = await t.as(actor).post('/appointments', booking)
    expect(refused).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    expect(refused.body.rules).toContainEqual(expect.objectContaining({ rule: 'time_off', pass: false }))

    const gone = await t.as(doctor.actor).delete(`${PATH}/${exception.id}`)
    expect(gone).toMatchObject({ status: 204, text: '' })
    expect(await shown(doctor)).toEqual([])
    expect((await t.as(actor).post('/appointments', booking)).status).toBe(201)
    expect((await t.as(doctor.actor).delete(`${PATH}/${exception.id}`)).status).toBe(404)
    const actorId = doctor.actor.userId
    const { note: _, id: __, ...detail } = exception
    expect(await auditOf(exception.id)).toEqual([
      {
        kind: 'availability.exception_create',
        action: 'C',
        actorId,
        patientIds: [],
        detail: { doctorId: doctor.id },
      },
      {
        kind: 'availability.exception_delete',
        action: 'D',
        actorId,
        patientIds: [],
        detail: { doctorId: doctor.id, ...detail },
      },
    ] as never)
  })

  test('time off over booked appointments is accepted, and the answer lists them', async () => {
    const doctor = await newDoctor()
    const elsewhere = await t.newClinic()
    const book = async (startsAt: string, terms: object = {}) =>
      t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: at(startsAt), ...terms })
    // Touches the time off from outside.
    await book('06T08:30')
    const first = await book('06T09:45')
    const held = await book('06T10:30', { status: 'held' })
    const waiting = await book('06T11:00', { status: 'checked_in' })
    await book('06T12:00')
    await book('06T11:30', { status: 'held', holdExpiresAt: NOW })
    await book('06T11:30', { status: 'cancelled' })
    await book('06T09:15', { doctor: { ...doctor, clinicId: elsewhere.id } })
    await book('06T10:00', { doctor: await newDoctor() })
    const { body, status } = await add(doctor, '06T09:00', '06T12:00')
    expect(status).toBe(201)
    expect(body.affectedTotal).toBe(3)
    expect(body.affectedAppointments).toEqual([
      {
        id: first.id,
        status: 'booked',
        doctorId: doctor.id,
        patientId: first.patientId,
        startsAt: '2026-01-06T14:45:00Z',
        endsAt: '2026-01-06T15:15:00Z',
        localStart: '2026-01-06T09:45:00-05:00',
      },
      expect.objectContaining({ id: held.id, status: 'held' }),
      expect.objectContaining({ id: waiting.id, status: 'checked_in' }),
    ])
    const stored = await t.db
      .selectFrom('appointments')
      .innerJoin('occupancy', 'occupancy.appointmentId', 'appointments.id')
      .select(['status', 'startsAt', 'version'])
      .where('appointments.id', '=', first.id)
      .execute()
    expect(stored).toEqual(Array(2).fill({ status: 'booked', startsAt: first.startsAt, version: 1 }))
    const [audit] = await auditOf(body.id)
    expect(audit?.patientIds).toEqual([first.patientId, held.patientId, waiting.patientId])
  })

  test('time off wins over extra hours, whichever came first', async () => {
    const doctor = await newDoctor({ weekly: [] })
    await add(doctor, '06T13:00', '06T13:30')
    await add(doctor, '06T13:00', '06T15:00', { kind: 'extra' })
    await add(doctor, '06T14:30', '06T15:00')
    expect(await times(doctor, '2026-01-06')).toEqual(['13:30', '14:00'])
  })
})

describe('extra hours', () => {
  test('extra hours add slots on their own grid, and deleting them keeps their appointments', async () => {
    const doctor = await newDoctor()
    const { body } = await add(doctor, '06T12:10', '06T13:20', { kind: 'extra' })
    expect(body).toMatchObject({ kind: 'extra', note: null, affectedAppointments: [], affectedTotal: 0 })
    expect(await times(doctor, '2026-01-06')).toEqual(['09:00', '09:30', '10:00', '10:30', '12:10', '12:40'])
    const { actor } = await t.newPatient()
    const booked = await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: at('06T12:40') })
    expect(booked.status).toBe(201)
    expect((await t.as(doctor.actor).delete(`${PATH}/${body.id}`)).status).toBe(200)
    expect(await times(doctor, '2026-01-06')).toEqual(['09:00', '09:30', '10:00', '10:30'])
    expect((await t.as(actor).get(`/appointments/${booked.body.id}`)).body.status).toBe('booked')
  })

  test('extra hours over midnight belong to both days and affect no appointment', async () => {
    const doctor = await newDoctor({ weekly: [] })
    await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: at('06T23:00') })
    const { body } = await add(doctor, '06T23:00', '07T01:00', { kind: 'extra' })
    expect(body.affectedTotal).toBe(0)
    expect(await times(doctor, '2026-01-06')).toEqual(['23:30'])
    expect(await times(doctor, '2026-01-07')).toEqual(['00:00', '00:30'])
  })

  test('extra hours must start on a whole minute, since it starts their grid, and time off need not', async () => {
    const doctor = await newDoctor()
    const odd = { startsAt: '2026-01-06T17:00:00.500Z', endsAt: '2026-01-06T18:00:00Z' }
    const extra = await t.as(doctor.actor).post(PATH, { ...odd, kind: 'extra' })
    expect(extra).toMatchObject({ status: 422, body: { errors: [{ path: 'startsAt' }] } })
    expect((await t.as(doctor.actor).post(PATH, { ...odd, kind: 'off' })).status).toBe(201)
  })
})

describe('exceptions across a change of the clocks', () => {
  test.each([
    // The skipped hour: extra hours from 01:00 EST to 04:00 EDT last two hours.
    [
      '2026-03-08',
      '2026-03-08T06:00:00Z',
      '2026-03-08T08:00:00Z',
      ['01:00-05:00', '01:30-05:00', '03:00-04:00', '03:30-04:00'],
    ],
    // The repeated hour is two hours long, and each local time in it is offered once.
    [
      '2026-11-01',
      '2026-11-01T05:00:00Z',
      '2026-11-01T08:00:00Z',
      ['01:00-04:00', '01:30-04:00', '02:00-05:00', '02:30-05:00'],
    ],
  ])(
    'extra hours and time off are instants, also when the clocks change on %s',
    async (day, startsAt, endsAt, expected) => {
      t.clock.set(`${day}T00:00:00Z`)
      const doctor = await newDoctor({ weekly: [] })
      const post = (kind: string) => t.as(doctor.actor).post(PATH, { startsAt, endsAt, kind })
      const offered = async () =>
        (await slots(doctor, day)).map(({ localStart }) => localStart.slice(11, 16) + localStart.slice(19))
      expect((await post('extra')).status).toBe(201)
      expect(await offered()).toEqual(expected)
      const off = await post('off')
      expect(await offered()).toEqual([])
      await t.as(doctor.actor).delete(`${PATH}/${off.body.id}`)
      expect(await offered()).toEqual(expected)
      t.clock.set(NOW)
    },
  )
})

describe('exceptions', () => {
  test('an exception belongs to the doctor’s only clinic, or to the named one of several', async () => {
    const doctor = await newDoctor()
    const [second, stranger] = [await t.newClinic(), await t.newClinic()]
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: second.id }).execute()
    const unnamed = await add(doctor, '06T09:00', '06T12:00')
    expect(unnamed).toMatchObject({ status: 422, body: { errors: [{ path: 'clinicId' }] } })
    for (const clinicId of [stranger.id, newId()])
      expect(await add(doctor, '06T09:00', '06T12:00', { clinicId })).toMatchObject({
        status: 403,
        body: { code: 'forbidden' },
      })
    expect((await add(doctor, '06T09:00', '06T12:00', { clinicId: second.id })).body.clinicId).toBe(second.id)
    expect(await times(doctor, '2026-01-06')).toHaveLength(4)
    const homeless = await newDoctor()
    await t.db.deleteFrom('doctorClinics').where('doctorId', '=', homeless.id).execute()
    expect(await add(homeless, '06T09:00', '06T12:00')).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'clinicId' }] },
    })
  })

  test('an exception ends after its start and in the future, and lasts at most 366 days', async () => {
    const doctor = await newDoctor()
    const year = { startsAt: '2026-02-01T00:00:00Z', endsAt: '2027-02-02T00:00:00Z' }
    const bad: [string, object][] = [
      ['endsAt', { startsAt: at('06T12:00'), endsAt: at('06T12:00') }],
      ['endsAt', { startsAt: at('06T12:00'), endsAt: at('06T11:00') }],
      ['endsAt', { ...year, endsAt: '2027-02-02T00:00:01Z' }],
      ['endsAt', { startsAt: at('01T12:00'), endsAt: NOW.toISOString() }],
      ['endsAt', { startsAt: at('06T12:00') }],
      ['startsAt', { startsAt: '2026-01-06T12:00:00', endsAt: at('07T12:00') }],
      ['kind', { ...year, kind: 'holiday' }],
      ['note', { ...year, note: '' }],
      ['note', { ...year, note: 'x'.repeat(501) }],
    ]
    for (const [path, body] of bad)
      expect(await t.as(doctor.actor).post(PATH, { kind: 'off', ...body })).toMatchObject({
        status: 422,
        body: { errors: [{ path }] },
      })
    expect(await shown(doctor)).toEqual([])
    expect((await t.as(doctor.actor).post(PATH, { kind: 'off', ...year })).status).toBe(201)
    expect((await add(doctor, '01T12:00', '05T08:00')).status).toBe(201)
  })

  test('an admin must name the doctor of an exception, a doctor may name only themselves, and another doctor gets 404', async () => {
    const [doctor, other] = [await newDoctor(), await newDoctor()]
    const patient = await t.newPatient()
    const body = { startsAt: at('06T09:00'), endsAt: at('06T12:00'), kind: 'off', note: 'private' }
    const post = (client: typeof t.anonymous, doctorId?: string) =>
      client.post(PATH, { ...body, ...(doctorId && { doctorId }) })
    expect(await post(t.as(admin))).toMatchObject({ status: 422, body: { errors: [{ path: 'doctorId' }] } })
    expect((await post(t.as(admin), newId())).status).toBe(404)
    expect((await post(t.as(other.actor), doctor.id)).status).toBe(404)
    expect((await post(t.as(patient.actor), doctor.id)).status).toBe(403)
    expect((await post(t.anonymous, doctor.id)).status).toBe(401)
    const { body: made } = await post(t.as(admin), doctor.id)
    const path = `${PATH}/${made.id}`
    for (const [actor, status] of [
      [other.actor, 404],
      [patient.actor, 403],
    ] as const) {
      expect((await t.as(actor).get(path)).status).toBe(status)
      expect((await t.as(actor).delete(path)).status).toBe(status)
    }
    const missing = await t.as(other.actor).delete(`${PATH}/${newId()}`)
    const foreign = await t.as(other.actor).delete(path)
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...missing.body, requestId: '' })
    expect(await shown(doctor, patient.actor)).toEqual([expect.not.objectContaining({ note: 'private' })])
    expect(await shown(doctor, admin)).toEqual([expect.objectContaining({ note: 'private' })])
    expect((await t.as(doctor.actor).delete(path)).status).toBe(204)
  })

  test('a doctor has at most 500 recent and future exceptions, also under concurrent requests', async () => {
    const doctor = await newDoctor()
    const at = (day: string) => ({ startsAt: new Date(`${day}T10:00:00Z`), endsAt: new Date(`${day}T11:00:00Z`) })
    const row = (day: string) => ({
      id: newId(),
      doctorId: doctor.id,
      clinicId: clinic.id,
      kind: 'off' as const,
      ...at(day),
    })
    const known = Array.from({ length: 499 }, (_, i) => row(i % 2 ? '2025-12-01' : '2026-12-01'))
    await t.db
      .insertInto('availabilityExceptions')
      .values([...known, row('2024-01-01')])
      .execute()
    const days = ['06', '07', '08', '09']
    const answers = await Promise.all(days.map((day) => add(doctor, `${day}T09:00`, `${day}T10:00`)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409])
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('invalid_state')
    expect(await shown(doctor)).toHaveLength(500)
  })

  test('adding and deleting an exception renew the version of the hours', async () => {
    const doctor = await newDoctor()
    const etag = async () => (await t.as(doctor.actor).get(`/doctors/${doctor.id}/availability`)).headers.get('etag')
    const seen = [await etag()]
    const { body } = await add(doctor, '06T09:00', '06T10:00')
    seen.push(await etag())
    await t.as(doctor.actor).delete(`${PATH}/${body.id}`)
    seen.push(await etag())
    expect(new Set(seen).size).toBe(3)
  })

  test('one idempotency key adds one exception', async () => {
    const doctor = await newDoctor()
    const body = { startsAt: at('06T09:00'), endsAt: at('06T10:00'), kind: 'off' }
    const send = () => t.as(doctor.actor).post(PATH, body, { headers: { 'idempotency-key': 'off' } })
    const first = await send()
    const again = await send()
    expect(again.text).toBe(first.text)
    expect(again.headers.get('location')).toBe(first.headers.get('location'))
    expect(await shown(doctor)).toHaveLength(1)
  })
})
