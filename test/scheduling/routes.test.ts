import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { nextSlots } from '../../src/scheduling/service'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const everyDay = (start: string, end: string) => [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start, end }))

type Slot = { startsAt: string; localStart: string; clinicId: string; doctorId: string; visitTypeId: string }
type Query = Record<string, string>
const ask = (doctorId: string, query: Query = {}) => t.anonymous.get(`/doctors/${doctorId}/slots`, { query })
const slots = async (doctorId: string, query: Query = {}): Promise<Slot[]> => (await ask(doctorId, query)).body.data
const localStarts = async (doctorId: string, query?: Query) =>
  (await slots(doctorId, query)).map(({ localStart }) => localStart)

async function addHours(doctorId: string, clinicId: string, start: string, end: string) {
  const scheduleId = newId()
  await t.db.insertInto('doctorClinics').values({ doctorId, clinicId }).execute()
  await t.db.insertInto('schedules').values({ id: scheduleId, doctorId, clinicId }).execute()
  await t.db
    .insertInto('scheduleWindows')
    .values(everyDay(start, end).map(({ weekday }) => ({ scheduleId, weekday, startTime: start, endTime: end })))
    .execute()
}

describe('slot search of one doctor', () => {
  test('a slot contains everything that a booking needs', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const [first] = await slots(doctor.id)
    expect(first).toEqual({
      doctorId: doctor.id,
      doctorName: doctor.name,
      clinicId: clinic.id,
      visitTypeId: doctor.visitTypeId,
      startsAt: '2026-01-05T14:00:00Z',
      endsAt: '2026-01-05T14:30:00Z',
      localStart: '2026-01-05T09:00:00-05:00',
    } as Slot & { doctorName: string })
  })

  test('a slot search without days covers today and the next six days in the time zone of each clinic', async () => {
    t.clock.set('2026-01-05T16:00:00Z')
    const tokyo = await t.newClinic({ timeZone: 'Asia/Tokyo' })
    const doctor = await t.newDoctor({ clinicId: tokyo.id, weekly: everyDay('09:00', '09:30') })
    await addHours(doctor.id, clinic.id, '17:00', '17:30')
    const days = (await localStarts(doctor.id)).map((start) => start.slice(0, 16))
    t.clock.set(NOW)
    expect(days.filter((start) => start.endsWith('09:00')).map((start) => start.slice(8, 10))).toEqual([
      '06',
      '07',
      '08',
      '09',
      '10',
      '11',
      '12',
    ])
    expect(days.filter((start) => start.endsWith('17:00')).map((start) => start.slice(8, 10))).toEqual([
      '05',
      '06',
      '07',
      '08',
      '09',
      '10',
      '11',
    ])
  })

  test('the days of a slot search are inclusive, at most 31 and in order', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('09:00', '09:30') })
    expect(await slots(doctor.id, { from: '2026-01-10', to: '2026-01-10' })).toHaveLength(1)
    expect(await slots(doctor.id, { from: '2026-01-10' })).toHaveLength(7)
    expect(await slots(doctor.id, { to: '2026-01-06' })).toHaveLength(2)
    expect(await slots(doctor.id, { to: '2026-01-04' })).toEqual([])
    expect(await slots(doctor.id, { from: '2026-01-05', to: '2026-02-04' })).toHaveLength(31)
    for (const query of [
      { from: '2026-01-05', to: '2026-02-05' },
      { from: '2026-01-05', to: '2026-01-04' },
      { to: '2026-02-05' },
    ] as Query[])
      expect(await ask(doctor.id, query)).toMatchObject({ status: 422, body: { errors: [{ path: 'query.to' }] } })
    for (const query of [{ from: 'today' }, { from: '2026-02-30' }, { visitTypeId: 'x' }, { limit: '5' }] as Query[])
      expect(await ask(doctor.id, query)).toMatchObject({ status: 422 })
  })

  test('a slot search accepts the first and the last days of the calendar', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    expect(await ask(doctor.id, { from: '2199-12-31' })).toMatchObject({ status: 200, body: { data: [] } })
    expect(await ask(doctor.id, { from: '1900-01-01' })).toMatchObject({ status: 200, body: { data: [] } })
  })

  test('a slot search uses the first active visit type unless another active visit type of the doctor is given', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, visitType: { active: false } })
    const other = await t.newDoctor({ clinicId: clinic.id })
    expect(await ask(doctor.id)).toMatchObject({ status: 200, body: { data: [], nextCursor: null } })
    const add = async (durationMinutes: number) => {
      const id = newId()
      await t.db
        .insertInto('visitTypes')
        .values({
          id,
          doctorId: doctor.id,
          name: `${durationMinutes} min`,
          durationMinutes,
          slotIntervalMinutes: durationMinutes,
          priceAmount: 0,
          priceCurrency: 'USD',
        })
        .execute()
      return id
    }
    const [long, longer] = [await add(120), await add(240)]
    const day = { from: '2026-01-05', to: '2026-01-05' }
    expect((await slots(doctor.id, day)).map(({ visitTypeId }) => visitTypeId)).toEqual([long, long, long, long])
    expect(await slots(doctor.id, { ...day, visitTypeId: longer })).toHaveLength(2)
    for (const visitTypeId of [doctor.visitTypeId, other.visitTypeId, crypto.randomUUID()])
      expect(await ask(doctor.id, { visitTypeId })).toMatchObject({ status: 404 })
  })

  test('a slot search for an unknown or unverified doctor is a 404', async () => {
    const unverified = await t.newDoctor({ clinicId: clinic.id, verified: false })
    const answers = [await ask(crypto.randomUUID()), await ask(unverified.id)]
    for (const { status, body } of answers)
      expect({ status, detail: body.detail }).toEqual({ status: 404, detail: 'There is no such doctor.' })
  })

  test('a slot search covers all clinics of the doctor, earliest first, or only the given clinic', async () => {
    const berlin = await t.newClinic({ timeZone: 'Europe/Berlin' })
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('09:00', '10:00') })
    await addHours(doctor.id, berlin.id, '15:30', '16:30')
    const day = { from: '2026-01-06', to: '2026-01-06' }
    expect(await localStarts(doctor.id, day)).toEqual(
      [
        '2026-01-06T09:00:00-05:00',
        '2026-01-06T09:30:00-05:00',
        '2026-01-06T15:30:00+01:00',
        '2026-01-06T16:00:00+01:00',
      ].sort((a, b) => Date.parse(a) - Date.parse(b)),
    )
    const atBerlin = await slots(doctor.id, { ...day, clinicId: berlin.id })
    expect(atBerlin.map(({ clinicId }) => clinicId)).toEqual([berlin.id, berlin.id])
    expect(await slots(doctor.id, { clinicId: crypto.randomUUID() })).toEqual([])
  })

  test('bookings and active holds block slots with their buffers; expired holds and cancelled visits do not', async () => {
    const visitType = { bufferAfterMinutes: 30 }
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('09:00', '13:00'), visitType })
    const at = (time: string) => `2026-01-06T${time}:00-05:00`
    const make = async (time: string, terms: object) =>
      t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: at(time), ...terms })
    await make('09:00', { status: 'booked' })
    await make('10:30', { status: 'held', holdExpiresAt: new Date(NOW.getTime() + 1) })
    await make('12:00', { status: 'held', holdExpiresAt: NOW })
    await make('12:00', { status: 'cancelled' })
    const free = await localStarts(doctor.id, { from: '2026-01-06', to: '2026-01-06' })
    expect(free.map((start) => start.slice(11, 16))).toEqual(['11:30', '12:00', '12:30'])
  })

  test.each([
    ['spring forward', '2026-03-08', ['01:00-05:00', '01:30-05:00', '03:00-04:00', '03:30-04:00']],
    [
      'fall back',
      '2026-11-01',
      ['01:00-04:00', '01:30-04:00', '02:00-05:00', '02:30-05:00', '03:00-05:00', '03:30-05:00'],
    ],
  ])('when the clocks %s, each existing local time can be booked once', async (_title, day, expected) => {
    t.clock.set(`${day}T00:00:00Z`)
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('01:00', '04:00') })
    const found = await slots(doctor.id, { from: day, to: day })
    expect(found.map(({ localStart }) => localStart.slice(11, 16) + localStart.slice(19))).toEqual(expected)
    for (const { startsAt } of found) {
      const { actor } = await t.newPatient()
      const booked = await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt })
      expect(booked).toMatchObject({ status: 201, body: { startsAt } })
    }
    expect(await slots(doctor.id, { from: day, to: day })).toEqual([])
    t.clock.set(NOW)
  })
})

describe('agreement of search and booking', () => {
  test('a start can be booked exactly when it is offered', async () => {
    const visitType = {
      durationMinutes: 40,
      slotIntervalMinutes: 25,
      bufferBeforeMinutes: 10,
      minimumNoticeMinutes: 200,
    }
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay('09:00', '14:00'), visitType })
    await t.newAppointment({ patient: await t.newPatient(), doctor, startsAt: '2026-01-05T12:05:00-05:00' })
    const probes = Array.from({ length: 8 * 12 }, (_, i) => new Date(Date.parse('2026-01-05T13:00:00Z') + i * 300_000))
    const bookable: string[] = []
    let offered = (await slots(doctor.id, { to: '2026-01-05' })).map(({ startsAt }) => startsAt)
    expect(offered.length).toBeGreaterThan(2)
    for (const probe of probes) {
      const { actor } = await t.newPatient()
      const booked = await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: probe.toISOString() })
      const startsAt = probe.toISOString().replace('.000', '')
      expect([startsAt, booked.status]).toEqual([startsAt, offered.includes(startsAt) ? 201 : 409])
      if (booked.status !== 201) continue
      bookable.push(startsAt)
      await t.as(actor).put(`/appointments/${booked.body.id}/cancel`)
    }
    offered = (await slots(doctor.id, { to: '2026-01-05' })).map(({ startsAt }) => startsAt)
    expect(bookable).toEqual(offered)
  })
})

describe('the next slot of many doctors', () => {
  test('the next slot of each doctor is the first within 14 days, and doctors without a slot are left out', async () => {
    const [soon, later, never, away] = [
      await t.newDoctor({ clinicId: clinic.id, visitType: { minimumNoticeMinutes: 180 } }),
      await t.newDoctor({ clinicId: clinic.id, visitType: { minimumNoticeMinutes: 10 * 1440 } }),
      await t.newDoctor({ clinicId: clinic.id, visitType: { active: false } }),
      await t.newDoctor({ clinicId: clinic.id, visitType: { minimumNoticeMinutes: 16 * 1440 } }),
    ]
    const found = await nextSlots({ db: t.db, now: NOW }, [soon.id, later.id, never.id, away.id, crypto.randomUUID()])
    expect([...found].map(([id, { localStart }]) => [id, localStart]).toSorted()).toEqual(
      [
        [soon.id, '2026-01-05T10:00:00-05:00'],
        [later.id, '2026-01-15T09:00:00-05:00'],
      ].toSorted(),
    )
    expect(await nextSlots({ db: t.db, now: NOW }, [])).toEqual(new Map())
  })
})
