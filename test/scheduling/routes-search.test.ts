import { describe, expect, test } from 'bun:test'
import { createTestApp, NOW } from '../support/app'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const [ny, berlin] = [await t.newClinic(), await t.newClinic({ timeZone: 'Europe/Berlin' })]
type Slot = { doctorId: string; clinicId: string; startsAt: string; localStart: string; visitTypeId: string }
type Query = Record<string, string | number>

const search = (query: Query) => t.anonymous.get('/slots', { query })
const slots = async (query: Query): Promise<Slot[]> => (await search({ limit: 100, ...query })).body.data

async function allPages(query: Query) {
  const pages: Slot[][] = []
  let cursor: string | null = null
  do {
    const { status, body } = await search({ ...query, ...(cursor && { cursor }) })
    expect(status).toBe(200)
    pages.push(body.data)
    cursor = body.nextCursor
  } while (cursor !== null)
  return pages
}

const window = (weekday: number, start: string, end: string) => [{ weekday, start, end }]
const byPlace = (a: Slot, b: Slot) =>
  Date.parse(a.startsAt) - Date.parse(b.startsAt) ||
  (a.doctorId < b.doctorId ? -1 : a.doctorId > b.doctorId ? 1 : a.clinicId < b.clinicId ? -1 : 1)

describe('slot search over many doctors', () => {
  test('the search over many doctors returns the slots of the single searches, earliest first across time zones', async () => {
    const specialization = 'Dermatology'
    const doctors = [
      await t.newDoctor({ clinicId: ny.id, specialization, visitType: { minimumNoticeMinutes: 180 } }),
      await t.newDoctor({ clinicId: berlin.id, specialization: 'DERMATOLOGY' }),
      await t.newDoctor({
        clinicId: ny.id,
        specialization,
        visitType: { durationMinutes: 45, bufferAfterMinutes: 15 },
      }),
    ]
    await t.newAppointment({ patient: await t.newPatient(), doctor: doctors[2]!, startsAt: '2026-01-06T15:00:00Z' })
    await t.newDoctor({ clinicId: ny.id, specialization, verified: false })
    await t.newDoctor({ clinicId: ny.id, specialization, visitType: { active: false } })
    await t.newDoctor({ clinicId: ny.id, specialization: 'Cardiology' })
    const ranges: Record<string, string>[] = [
      {},
      { from: '2026-01-06', to: '2026-01-07' },
      { to: '2026-01-06' },
      { from: '2026-01-12' },
    ]
    for (const days of ranges) {
      const own = await Promise.all(
        doctors.map(async ({ id }) => (await t.anonymous.get(`/doctors/${id}/slots`, { query: days })).body.data),
      )
      const expected = own.flat().sort(byPlace)
      expect(expected.length).toBeGreaterThan(20)
      expect((await allPages({ specialization: 'dermatology', limit: 100, ...days })).flat()).toEqual(expected)
    }
  })

  test('slot pages have no gaps or repeats, even when many slots start at the same time', async () => {
    const specialization = 'Neurology'
    for (let i = 0; i < 5; i++)
      await t.newDoctor({ clinicId: ny.id, specialization, weekly: window(2, '09:00', '10:30') })
    const whole = await slots({ specialization })
    expect(whole).toHaveLength(15)
    expect(whole).toEqual(whole.toSorted(byPlace))
    for (const limit of [1, 4, 5, 15]) {
      const pages = await allPages({ specialization, limit })
      expect(pages.flat()).toEqual(whole)
      expect(pages.slice(0, -1).every((page) => page.length === limit)).toBe(true)
      expect(pages.at(-1)!.length).toBeGreaterThan(0)
    }
  })

  test('slot pages stay in order across time zones whose days are far apart', async () => {
    const specialization = 'Chronobiology'
    const [auckland, honolulu] = [
      await t.newClinic({ timeZone: 'Pacific/Auckland' }),
      await t.newClinic({ timeZone: 'Pacific/Honolulu' }),
    ]
    const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '00:00', end: '24:00' }))
    const visitType = { slotIntervalMinutes: 240 }
    for (const { id } of [auckland, honolulu])
      await t.newDoctor({ clinicId: id, specialization, weekly: everyDay, visitType })
    // In Auckland, 6 January began an hour before `NOW`.
    const days = { specialization, from: '2026-01-07', to: '2026-01-09' }
    const whole = await slots(days)
    expect(whole).toHaveLength(36)
    expect(whole).toEqual(whole.toSorted(byPlace))
    for (const limit of [1, 3, 7]) expect((await allPages({ ...days, limit })).flat()).toEqual(whole)
  })

  test('a booking between two slot pages does not shift the second page', async () => {
    const specialization = 'Urology'
    const doctor = await t.newDoctor({ clinicId: ny.id, specialization, weekly: window(2, '09:00', '12:00') })
    const first = await search({ specialization, limit: 3 })
    const { actor } = await t.newPatient()
    for (const startsAt of ['2026-01-06T14:00:00Z', '2026-01-06T15:30:00Z'])
      await t.as(actor).post('/appointments', { doctorId: doctor.id, startsAt })
    const second = await search({ specialization, limit: 3, cursor: first.body.nextCursor })
    expect(second.body.data.map(({ localStart }: Slot) => localStart.slice(11, 16))).toEqual(['11:00', '11:30'])
  })

  test('a slot search by clinic returns only slots at that clinic, also of doctors with several clinics', async () => {
    const [here, there] = [await t.newClinic(), await t.newClinic()]
    const doctor = await t.newDoctor({ clinicId: here.id, weekly: window(2, '09:00', '10:00') })
    const scheduleId = crypto.randomUUID()
    await t.db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId: there.id }).execute()
    await t.db.insertInto('schedules').values({ id: scheduleId, doctorId: doctor.id, clinicId: there.id }).execute()
    await t.db
      .insertInto('scheduleWindows')
      .values({ scheduleId, weekday: 2, startTime: '13:00', endTime: '14:00' })
      .execute()
    const times = async (query: Query) => (await slots(query)).map(({ localStart }) => localStart.slice(11, 16))
    expect(await times({ clinicId: here.id })).toEqual(['09:00', '09:30'])
    expect(await times({ clinicId: there.id })).toEqual(['13:00', '13:30'])
    expect(await times({ clinicId: there.id, specialization: 'Cardiology' })).toEqual(['13:00', '13:30'])
    expect(await times({ clinicId: there.id, specialization: 'Surgery' })).toEqual([])
    expect(await slots({ clinicId: crypto.randomUUID() })).toEqual([])
  })

  test('every slot of a search page can be booked', async () => {
    const specialization = 'Oncology'
    const clinic = await t.newClinic()
    await t.as(await t.newAdmin()).post(`/clinics/${clinic.id}/rooms`, { name: 'The only one' })
    const visitType = { requiresRoom: true }
    for (const start of ['09:00', '09:30'])
      await t.newDoctor({ clinicId: clinic.id, specialization, visitType, weekly: window(2, start, '11:00') })
    const found = await slots({ specialization })
    expect(found).toHaveLength(7)
    const booked: string[] = []
    for (const { doctorId, clinicId, visitTypeId, startsAt } of found) {
      const { actor } = await t.newPatient()
      const { status } = await t.as(actor).post('/appointments', { doctorId, clinicId, visitTypeId, startsAt })
      // The only room can be booked once at each time.
      expect(status).toBe(booked.includes(startsAt) ? 409 : 201)
      booked.push(startsAt)
    }
    expect(await slots({ specialization })).toEqual([])
  })

  test('a slot page is one round trip for any number of doctors', async () => {
    const specialization = 'Orthopedics'
    for (let i = 0; i < 30; i++) await t.newDoctor({ clinicId: ny.id, specialization })
    const page = () => wire.anonymous.get('/slots', { query: { specialization } })
    await page()
    const { answer, roundTrips } = await wire.measure(page)
    expect(answer.body.data).toHaveLength(20)
    expect(roundTrips).toBe(1)
  })

  test('a slot page over very many doctors reads fewer days, and the next page continues where it stopped', async () => {
    const specialization = 'Family Medicine'
    const lone = await t.newDoctor({ clinicId: ny.id, specialization, weekly: window(1, '09:00', '10:00') })
    const template = { specialization, licenseNumber: 'L', verifiedAt: NOW, createdAt: NOW }
    const crowd = Array.from({ length: 600 }, (_, i) => ({ id: crypto.randomUUID(), name: `Idle ${i}`, ...template }))
    await t.db.insertInto('doctors').values(crowd).execute()
    await t.db
      .insertInto('visitTypes')
      .values(
        crowd.map(({ id }) => ({
          id: crypto.randomUUID(),
          doctorId: id,
          name: 'Visit',
          durationMinutes: 30,
          slotIntervalMinutes: 30,
          priceAmount: 0,
          priceCurrency: 'USD',
        })),
      )
      .execute()
    const pages = await allPages({ specialization, from: '2026-01-05', to: '2026-01-12' })
    expect(pages.length).toBeGreaterThan(3)
    expect(pages.flat()).toEqual(
      (await t.anonymous.get(`/doctors/${lone.id}/slots`, { query: { from: '2026-01-05', to: '2026-01-12' } })).body
        .data,
    )
  })

  test('the days of a slot search over many doctors must be in order and at most 31, and bad parameters are refused', async () => {
    for (const [query, path] of [
      [{ from: '2026-01-05', to: '2026-01-04' }, 'query.to'],
      [{ from: '2026-01-05', to: '2026-02-05' }, 'query.to'],
      [{ to: '2026-02-05' }, 'query.to'],
      [{ cursor: 'abc' }, 'query.cursor'],
      [{ limit: 101 }, 'query.limit'],
      [{ specialization: '' }, 'query.specialization'],
      [{ doctorId: crypto.randomUUID() }, 'query.doctorId'],
    ] as [Query, string][])
      expect(await search(query)).toMatchObject({ status: 422, body: { errors: [{ path }] } })
    for (const query of [{ from: '2199-12-31' }, { from: '1900-01-01' }, { to: '2026-01-04' }] as Query[])
      expect(await search({ ...query, specialization: 'Neurology' })).toMatchObject({
        status: 200,
        body: { data: [], nextCursor: null },
      })
  })
})
