import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const everyDay = (start: string, end: string) => [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start, end }))

type Listed = { id: string; startsAt: string; localStart: string }
const close = (clinic: { id: string }, startsOn: string, endsOn = startsOn, reason?: string | null) =>
  t.as(admin).post(`/clinics/${clinic.id}/closures`, { startsOn, endsOn, ...(reason !== undefined && { reason }) })
const localStarts = async (doctor: { id: string }, from: string, to: string): Promise<string[]> => {
  const { body } = await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query: { from, to } })
  return body.data.map(({ localStart }: Listed) => localStart)
}

describe('closures', () => {
  test('a closure removes the slots of its local days, the last one included, and deleting it restores them', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('23:00', '24:00') })
    const days = ['2026-01-10', '2026-01-13'] as const
    const before = await localStarts(doctor, ...days)
    expect(before).toHaveLength(8)
    const closed = await close(clinic, '2026-01-11', '2026-01-12', 'Painting')
    expect(closed.status).toBe(201)
    const closure = { id: closed.body.id, startsOn: '2026-01-11', endsOn: '2026-01-12', reason: 'Painting' }
    expect(closed.body).toEqual({ ...closure, affectedAppointments: [], affectedTotal: 0 })
    const path = `/clinics/${clinic.id}/closures/${closure.id}`
    expect(closed.headers.get('location')).toBe(path)
    const { actor } = await t.newPatient()
    expect((await t.as(actor).get(path)).body).toEqual(closure)
    expect((await t.as(actor).get(`/clinics/${clinic.id}/closures`)).body.data).toEqual([closure])
    const open = before.filter((start) => /^2026-01-1[03]/.test(start))
    expect(await localStarts(doctor, ...days)).toEqual(open)

    const booking = { doctorId: doctor.id, startsAt: '2026-01-11T23:30:00-05:00' }
    const refused = await t.as(actor).post('/appointments', booking)
    expect(refused).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    expect(refused.body.rules).toContainEqual(expect.objectContaining({ rule: 'closure', pass: false }))
    expect(await t.as(admin).delete(path)).toMatchObject({ status: 204, text: '' })
    expect(await localStarts(doctor, ...days)).toEqual(before)
    expect((await t.as(actor).post('/appointments', booking)).status).toBe(201)
    expect((await t.as(admin).delete(path)).status).toBe(404)
    const stored = await t.db.selectFrom('clinicClosures').select('id').where('clinicId', '=', clinic.id).execute()
    expect(stored).toEqual([])
    const audit = await t
      .auditEvents()
      .select(['kind', 'action', 'detail'])
      .where('targetId', '=', closure.id)
      .where('outcome', '=', 'success')
      .execute()
    expect(audit).toEqual([
      { kind: 'closure.create', action: 'C', detail: null },
      {
        kind: 'closure.delete',
        action: 'D',
        detail: { clinicId: clinic.id, startsOn: '2026-01-11', endsOn: '2026-01-12' },
      },
    ] as never)
  })

  test('a closure covers exactly its day, also a day of 23 or 25 hours', async () => {
    t.clock.set('2026-10-20T12:00:00Z')
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('00:00', '24:00') })
    await close(clinic, '2026-11-01')
    const starts = await localStarts(doctor, '2026-10-31', '2026-11-02')
    expect(starts.filter((start) => start.startsWith('2026-11-01'))).toEqual([])
    expect(starts.filter((start) => start.startsWith('2026-10-31'))).toHaveLength(48)
    expect(starts.filter((start) => start.startsWith('2026-11-02'))).toHaveLength(48)
    t.clock.set('2026-03-01T12:00:00Z')
    await close(clinic, '2026-03-08')
    const spring = await localStarts(doctor, '2026-03-07', '2026-03-09')
    expect(spring.filter((start) => start.startsWith('2026-03-08'))).toEqual([])
    expect(spring).toHaveLength(96)
    t.clock.set('2026-01-05T12:00:00Z')
  })

  test('appointments during a closure stay and are listed, earliest first, for all doctors of the clinic', async () => {
    const [clinic, other] = [await t.newClinic({ timeZone: 'Asia/Tokyo' }), await t.newClinic()]
    const [one, two] = [await t.newDoctor({ clinicId: clinic.id }), await t.newDoctor({ clinicId: clinic.id })]
    const elsewhere = await t.newDoctor({ clinicId: other.id })
    const book = async (doctor: typeof one, startsAt: string, terms: object = {}) =>
      t.newAppointment({ patient: await t.newPatient(), doctor, startsAt, ...terms })
    const late = await book(two, '2026-02-03T14:45:00Z')
    const held = await book(one, '2026-02-03T10:00:00Z', { status: 'held' })
    // Starts before midnight of the first closed day in Tokyo and ends after it.
    const acrossMidnight = await book(one, '2026-02-01T14:45:00Z')
    // These two only touch the closed days.
    await book(two, '2026-02-01T14:30:00Z')
    await book(one, '2026-02-03T15:00:00Z')
    await book(two, '2026-02-02T10:00:00Z', { status: 'cancelled' })
    await book(two, '2026-02-02T11:00:00Z', { status: 'held', holdExpiresAt: t.clock.now() })
    await book(elsewhere, '2026-02-02T12:00:00Z')
    const closed = await close(clinic, '2026-02-02', '2026-02-03')
    expect(closed.body.affectedTotal).toBe(3)
    expect(closed.body.affectedAppointments).toEqual([
      {
        id: acrossMidnight.id,
        status: 'booked',
        doctorId: one.id,
        patientId: acrossMidnight.patientId,
        startsAt: '2026-02-01T14:45:00Z',
        endsAt: '2026-02-01T15:15:00Z',
        localStart: '2026-02-01T23:45:00+09:00',
      },
      expect.objectContaining({ id: held.id, status: 'held', doctorId: one.id }),
      expect.objectContaining({ id: late.id, doctorId: two.id, localStart: '2026-02-03T23:45:00+09:00' }),
    ])
    const kept = await t.db.selectFrom('appointments').select('status').where('id', '=', late.id).execute()
    expect(kept).toEqual([{ status: 'booked' }])
    const { patientIds } = await t.db
      .selectFrom('auditOutbox')
      .select('patientIds')
      .where('targetId', '=', closed.body.id)
      .executeTakeFirstOrThrow()
    expect(patientIds).toEqual([acrossMidnight.patientId, held.patientId, late.patientId])
  })

  test('a closure of today does not list appointments that are over', async () => {
    const clinic = await t.newClinic()
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: '2026-01-05T11:15:00Z' })
    const underWay = await t.newAppointment({ patient, doctor, startsAt: '2026-01-05T11:45:00Z', status: 'checked_in' })
    const { body } = await close(clinic, '2026-01-05')
    expect(body.affectedAppointments.map(({ id }: Listed) => id)).toEqual([underWay.id])
  })

  test('a closure lists the first hundred appointments and counts all of them', async () => {
    const clinic = await t.newClinic()
    const patient = await t.newPatient()
    const days = Array.from({ length: 3 }, (_, i) => `2026-03-0${i + 2}`)
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const starts = days.flatMap((day) =>
      Array.from({ length: 40 }, (_, i) => new Date(Date.parse(`${day}T05:00:00Z`) + i * 30 * 60_000)),
    )
    await Promise.all(starts.map((startsAt) => t.newAppointment({ patient, doctor, startsAt })))
    const { body } = await close(clinic, days[0]!, days[2])
    expect(body.affectedTotal).toBe(120)
    const listed = body.affectedAppointments.map(({ startsAt }: Listed) => Date.parse(startsAt))
    expect(listed).toEqual(starts.slice(0, 100).map((start) => start.getTime()))
  })

  test('refuses a closure with days in the wrong order, past or invalid, and names the field', async () => {
    const clinic = await t.newClinic()
    const bad: [string, object][] = [
      ['endsOn', { startsOn: '2026-02-02', endsOn: '2026-02-01' }],
      ['endsOn', { startsOn: '2026-02-02' }],
      ['startsOn', { startsOn: '2026-02-30', endsOn: '2026-03-01' }],
      ['reason', { startsOn: '2026-02-02', endsOn: '2026-02-02', reason: '' }],
      ['endsOn', { startsOn: '2026-01-01', endsOn: '2026-01-04' }],
    ]
    for (const [path, body] of bad)
      expect(await t.as(admin).post(`/clinics/${clinic.id}/closures`, body)).toMatchObject({
        status: 422,
        body: { errors: [{ path }] },
      })
    expect((await close(clinic, '2026-01-01', '2026-01-05', null)).body).toMatchObject({ reason: null })
  })

  test('a closure is past by the local day of its clinic', async () => {
    t.clock.set('2026-01-05T23:30:00Z')
    const [tokyo, newYork] = [await t.newClinic({ timeZone: 'Asia/Tokyo' }), await t.newClinic()]
    expect((await close(tokyo, '2026-01-05')).status).toBe(422)
    expect((await close(newYork, '2026-01-05')).status).toBe(201)
    t.clock.set('2026-01-05T12:00:00Z')
  })

  test('a clinic has at most 500 future closures, and past ones do not count', async () => {
    const clinic = await t.newClinic()
    const rows = Array.from({ length: 501 }, (_, i) => {
      const day = i < 2 ? '2025-12-31' : '2026-06-01'
      return { id: newId(), clinicId: clinic.id, startsOn: day, endsOn: day }
    })
    await t.db.insertInto('clinicClosures').values(rows).execute()
    const answers = await Promise.all(['2026-07-01', '2026-07-02', '2026-07-03'].map((day) => close(clinic, day)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409])
    expect(answers.find(({ status }) => status === 409)?.body.code).toBe('invalid_state')
  })

  test('only admins change closures, only signed-in users read them, and a closure of another clinic answers 404', async () => {
    const [clinic, other] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const { body } = await close(clinic, '2026-05-01')
    const path = `/clinics/${clinic.id}/closures`
    for (const { actor } of [await t.newPatient(), doctor]) {
      expect((await t.as(actor).post(path, { startsOn: '2026-05-02', endsOn: '2026-05-02' })).status).toBe(403)
      expect((await t.as(actor).delete(`${path}/${body.id}`)).status).toBe(403)
      expect((await t.as(actor).get(path)).body.data).toHaveLength(1)
    }
    expect((await t.anonymous.get(path)).status).toBe(401)
    for (const id of [other.id, newId()]) {
      expect((await t.as(admin).get(`/clinics/${id}/closures/${body.id}`)).status).toBe(404)
      expect((await t.as(admin).delete(`/clinics/${id}/closures/${body.id}`)).status).toBe(404)
    }
    expect((await t.as(admin).get(`/clinics/${newId()}/closures`)).status).toBe(404)
    expect((await close({ id: newId() }, '2026-05-01')).status).toBe(404)
  })

  test('pages of closures show each one once, newest first', async () => {
    const clinic = await t.newClinic()
    const days = ['2026-05-03', '2026-05-01', '2026-05-02']
    for (const day of days) await close(clinic, day)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query = { limit: 1, ...(cursor && { cursor }) }
      const page = await t.as(admin).get(`/clinics/${clinic.id}/closures`, { query })
      seen.push(...page.body.data.map(({ startsOn }: { startsOn: string }) => startsOn))
      cursor = page.body.nextCursor
    } while (cursor)
    expect(seen).toEqual(days.toReversed())
  })
})
