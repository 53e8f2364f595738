import { expect, test } from 'bun:test'
import { type RawBuilder, sql } from 'kysely'
import { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '11:00' }))
const WEEK = { from: '2026-01-06', to: '2026-01-12' }

type Copy = Pick<ReturnType<typeof openCopy>, 'anonymous'>
const ask = (copy: Copy, doctorId: string, query: Record<string, string> = WEEK) =>
  copy.anonymous.get(`/doctors/${doctorId}/slots`, { query })
/** A copy with an empty facts cache. */
const newCopy = () => openCopy(t, {}, t.clock.now, t.deps.postgres)

async function search(copy: Copy, doctorId: string) {
  const { status, body } = await ask(copy, doctorId)
  return { status, slots: body.data }
}

/** A doctor with a room, time off, a closure and a dated schedule that a change can modify or remove. */
async function newWorld(requiresRoom = false) {
  const clinic = await t.newClinic()
  const elsewhere = await t.newClinic()
  const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay, visitType: { requiresRoom } })
  const [clinicId, doctorId] = [clinic.id, doctor.id]
  await sql`insert into rooms (id, clinic_id, name) values (gen_random_uuid(), ${clinicId}, 'One')`.execute(t.db)
  await sql`
    insert into availability_exceptions (id, doctor_id, clinic_id, kind, starts_at, ends_at)
    values (gen_random_uuid(), ${doctorId}, ${clinicId}, 'off', '2026-01-07T14:00Z', '2026-01-07T15:00Z')`.execute(t.db)
  await sql`
    insert into clinic_closures (id, clinic_id, starts_on, ends_on)
    values (gen_random_uuid(), ${clinicId}, '2026-01-08', '2026-01-08')`.execute(t.db)
  await sql`
    insert into schedules (id, doctor_id, clinic_id, valid_from, valid_until)
    values (gen_random_uuid(), ${doctorId}, ${clinicId}, '2026-01-09', '2026-01-09')`.execute(t.db)
  return { doctorId, clinicId, elsewhere: elsewhere.id }
}
type World = Awaited<ReturnType<typeof newWorld>>

/** Inserts, updates and deletes in each table that decides about slots. */
const CHANGES: [string, (world: World) => RawBuilder<unknown>][] = [
  ['the name of the doctor', ({ doctorId }) => sql`update doctors set name = 'Another' where id = ${doctorId}`],
  ['verification', ({ doctorId }) => sql`update doctors set verified_at = null where id = ${doctorId}`],
  [
    'a new clinic',
    ({ doctorId, elsewhere }) => sql`
      with member as (insert into doctor_clinics values (${doctorId}, ${elsewhere}))
      update schedules set clinic_id = ${elsewhere} where doctor_id = ${doctorId} and valid_from is null`,
  ],
  ['a clinic that the doctor left', ({ doctorId }) => sql`delete from doctor_clinics where doctor_id = ${doctorId}`],
  ['the time zone', ({ clinicId }) => sql`update clinics set time_zone = 'Europe/Berlin' where id = ${clinicId}`],
  [
    'a new closure',
    ({ clinicId }) => sql`
      insert into clinic_closures (id, clinic_id, starts_on, ends_on)
      values (gen_random_uuid(), ${clinicId}, '2026-01-10', '2026-01-10')`,
  ],
  [
    'a moved closure',
    ({ clinicId }) => sql`update clinic_closures set ends_on = '2026-01-10' where clinic_id = ${clinicId}`,
  ],
  ['a removed closure', ({ clinicId }) => sql`delete from clinic_closures where clinic_id = ${clinicId}`],
  [
    'a new visit type',
    ({ doctorId }) => sql`
      insert into visit_types (id, doctor_id, name, duration_minutes, slot_interval_minutes, price_amount, price_currency)
      values (('00000000' || substr(gen_random_uuid()::text, 9))::uuid, ${doctorId}, 'Long', 60, 60, 0, 'USD')`,
  ],
  [
    'the duration of a visit type',
    ({ doctorId }) => sql`update visit_types set duration_minutes = 45 where doctor_id = ${doctorId}`,
  ],
  [
    'an inactive visit type',
    ({ doctorId }) => sql`update visit_types set active = false where doctor_id = ${doctorId}`,
  ],
  [
    'a removed dated schedule',
    ({ doctorId }) => sql`delete from schedules where doctor_id = ${doctorId} and valid_from is not null`,
  ],
  [
    'the days of a dated schedule',
    ({ doctorId }) =>
      sql`update schedules set valid_until = '2026-01-10' where doctor_id = ${doctorId} and valid_from is not null`,
  ],
  [
    'a new window',
    ({ doctorId }) => sql`
      insert into schedule_windows (schedule_id, weekday, start_time, end_time)
      select id, 2, '14:00', '15:00' from schedules where doctor_id = ${doctorId}`,
  ],
  [
    'the end of a window',
    ({ doctorId }) => sql`
      update schedule_windows set end_time = '12:00' where schedule_id in (select id from schedules where doctor_id = ${doctorId})`,
  ],
  [
    'a removed window',
    ({ doctorId }) => sql`
      delete from schedule_windows
      where weekday = 2 and schedule_id in (select id from schedules where doctor_id = ${doctorId})`,
  ],
  [
    'extra hours',
    ({ doctorId, clinicId }) => sql`
      insert into availability_exceptions (id, doctor_id, clinic_id, kind, starts_at, ends_at)
      values (gen_random_uuid(), ${doctorId}, ${clinicId}, 'extra', '2026-01-06T20:00Z', '2026-01-06T21:00Z')`,
  ],
  [
    'moved time off',
    ({ doctorId }) =>
      sql`update availability_exceptions set ends_at = '2026-01-07T16:00Z' where doctor_id = ${doctorId}`,
  ],
  ['removed time off', ({ doctorId }) => sql`delete from availability_exceptions where doctor_id = ${doctorId}`],
]

test.each(CHANGES)('a search with cached facts sees a change at once: %s', async (_, change) => {
  const world = await newWorld()
  const knowing = newCopy()
  const before = await search(knowing, world.doctorId)
  expect(await search(knowing, world.doctorId)).toEqual(before)

  await change(world).execute(t.db)

  const after = await search(knowing, world.doctorId)
  expect(after).not.toEqual(before)
  expect(after).toEqual(await search(newCopy(), world.doctorId))
})

test('a search with cached facts sees rooms that are booked, retired or added', async () => {
  const { doctorId, clinicId } = await newWorld(true)
  const doctor = { id: doctorId, clinicId }
  const knowing = newCopy()
  const starts = async () => (await search(knowing, doctorId)).slots.length
  const free = await starts()

  const { id: roomId } = await t.db
    .selectFrom('rooms')
    .select('id')
    .where('clinicId', '=', clinicId)
    .executeTakeFirstOrThrow()
  const colleague = await t.newDoctor({ clinicId, weekly: everyDay, visitType: { requiresRoom: true } })
  const patient = await t.newPatient()
  const { status } = await t
    .as(patient.actor)
    .post('/appointments', { doctorId: colleague.id, startsAt: '2026-01-06T09:00:00-05:00' })
  expect(status).toBe(201)
  expect(await starts()).toBe(free - 1)

  await t.db.updateTable('rooms').set({ retiredAt: t.clock.now() }).where('id', '=', roomId).execute()
  expect(await starts()).toBe(0)
  await sql`insert into rooms (id, clinic_id, name) values (gen_random_uuid(), ${doctor.clinicId}, 'Two')`.execute(t.db)
  expect(await starts()).toBe(free)
})

test('a change that was rolled back does not stay in the facts cache', async () => {
  const { doctorId } = await newWorld()
  const knowing = newCopy()
  const rename = (name: string) => sql`update doctors set name = ${name} where id = ${doctorId}`
  const before = await search(knowing, doctorId)

  await t.db
    .transaction()
    .execute(async (trx) => {
      await rename('Undone').execute(trx)
      expect(await search(knowing, doctorId)).toEqual(before)
      throw new Error('undone')
    })
    .catch(() => {})
  expect(await search(knowing, doctorId)).toEqual(before)

  await rename('Done').execute(t.db)
  expect((await search(knowing, doctorId)).slots[0].doctorName).toBe('Done')
})

test('a search is one round trip with or without cached facts, and two when the cached facts are outdated', async () => {
  const { doctorId } = await newWorld()
  const trips = async (query?: Record<string, string>) =>
    (await wire.measure(() => ask(wire, doctorId, query))).roundTrips
  const far = { from: '2026-09-01', to: '2026-09-07' }
  await ask(wire, crypto.randomUUID())

  expect([await trips(), await trips(), await trips(far), await trips()]).toEqual([1, 1, 1, 1])
  await sql`update doctors set name = 'Another' where id = ${doctorId}`.execute(t.db)
  expect([await trips(), await trips()]).toEqual([2, 1])
})

test('concurrent searches are batched into few round trips, and each gets its own result', async () => {
  const worlds = await Promise.all([newWorld(), newWorld(true), newWorld()])
  const weeks = [WEEK, { from: '2026-01-07', to: '2026-01-20' }]
  const searches = Array.from({ length: 24 }, (_, i) => [worlds[i % 3]!.doctorId, weeks[i % 2]!] as const)
  const askAll = () => Promise.all(searches.map(([doctorId, query]) => ask(wire, doctorId, query)))
  await askAll()

  const { answer, roundTrips } = await wire.measure(askAll)
  expect(roundTrips).toBeLessThan(8)
  for (const [i, [doctorId, query]] of searches.entries()) {
    expect(answer[i]!.body.data.length).toBeGreaterThan(10)
    expect(answer[i]!.body).toEqual((await ask(newCopy(), doctorId, query)).body)
  }
})

test('cached facts cover months and are still right 20 days later', async () => {
  const { doctorId } = await newWorld()
  const knowing = newCopy()
  const days = { from: '2026-03-01', to: '2026-03-31' }
  const now = t.clock.now()
  await ask(knowing, doctorId)
  t.clock.set(new Date(now.getTime() + 20 * 86_400_000).toISOString())
  const [known, fresh] = [await ask(knowing, doctorId, days), await ask(newCopy(), doctorId, days)]
  t.clock.set(now.toISOString())
  expect(known.body).toEqual(fresh.body)
  expect(known.body.data.length).toBe(31 * 4)
})
