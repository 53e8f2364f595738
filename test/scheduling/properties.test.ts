import { afterAll, describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { sql } from 'kysely'
import { Temporal } from 'temporal-polyfill'
import type { SchedulingFacts } from '../../src/scheduling/slots'
import { createTestApp } from '../support/app'
import { occupancyFaults } from '../support/occupancy'
import { minutesOfRules, startsByBruteForce } from './oracle'
import { factsOf, type Planting, plant, type World, world } from './properties-worlds'

const FULL = process.env.TEST_SCALE === 'full'
const WORLDS = FULL ? 250 : 6
/** Also limits the search for a smaller counterexample. */
const TIME_LIMIT = FULL ? 600_000 : 60_000
/** Attempts to book in each world. */
const ATTEMPTS = 8
const MINUTE = 60_000

const seed = Number(process.env.TEST_SEED ?? crypto.getRandomValues(new Int32Array(1))[0])
const counts = { searches: 0, attempts: 0, booked: 0 }
afterAll(() => console.log(`search against booking: seed ${seed}, ${JSON.stringify(counts)}`))

const t = await createTestApp()
const admin = await t.newAdmin()

const OVERRIDES = ['minimum_notice', 'horizon', 'hours'] as const
type Override = (typeof OVERRIDES)[number]

/** `pick` chooses an offered slot, or any minute; `shift` is the distance of a nearby start from an offered slot. */
const attempt = fc.record({
  aim: fc.constantFrom('offered' as const, 'near' as const, 'anywhere' as const),
  pick: fc.nat(),
  shift: fc.oneof(fc.integer({ min: -120, max: 120 }), fc.constantFrom(-60, -30, 30, 60)),
  way: fc.constantFrom('patient' as const, 'admin' as const, 'hold' as const),
  override: fc.option(fc.subarray([...OVERRIDES], { minLength: 1 }), { freq: 3, nil: undefined }),
  thenMove: fc.option(fc.nat(), { freq: 2, nil: undefined }),
})
type Attempt = typeof attempt extends fc.Arbitrary<infer A> ? A : never

type Start = { clinicId: string; start: number; end: number }
type Slot = { clinicId: string; startsAt: string; endsAt: string; localStart: string; visitTypeId: string }

describe('search and booking through the API in random worlds', () => {
  test(
    'a start can be booked exactly if it is offered, and the offered starts are those of a minute-by-minute search',
    async () => {
      await fc.assert(fc.asyncProperty(world, fc.array(attempt, { minLength: ATTEMPTS, maxLength: ATTEMPTS }), holds), {
        numRuns: WORLDS,
        seed,
        endOnFailure: FULL,
      })
      if (FULL) expect(counts.booked).toBeGreaterThan(WORLDS)
      expect(counts.attempts + counts.searches).toBeGreaterThanOrEqual(FULL ? 2000 : 50)
      expect(await occupancyFaults(t)).toEqual([])
    },
    TIME_LIMIT + 20_000,
  )
})

async function holds(one: World, attempts: Attempt[]): Promise<void> {
  const planting = await plant(t, one)
  const facts = factsOf(one)
  await searchAgrees(one, facts, planting)
  await wholeSearchAgrees(one, facts, planting)
  for (const each of attempts) await attemptAgrees(one, facts, planting, each)
  await searchAgrees(one, facts, planting)
}

/** The minute-by-minute search is slow: its result is cached until the facts change. */
const offers = new WeakMap<SchedulingFacts, Start[]>()

function offeredIn({ fromDay, untilDay }: World, facts: SchedulingFacts): Start[] {
  const offered = offers.get(facts) ?? startsByBruteForce(facts, fromDay, untilDay)
  offers.set(facts, offered)
  return offered
}

/** The id that a clinic has in the database. */
const clinicIdOf = ({ calendars }: World, { clinics }: Planting, clinicId: string) =>
  clinics[calendars.findIndex((calendar) => calendar.clinicId === clinicId)]!

const instant = (at: number) => new Date(at).toISOString().replace('.000Z', 'Z')

/** The expected slot; its UTC offset comes from Temporal, not from the engine. */
const presented = (one: World, planting: Planting, { clinicId, start, end }: Start) => {
  const { timeZone } = one.calendars.find((calendar) => calendar.clinicId === clinicId)!
  const local = Temporal.Instant.fromEpochMilliseconds(start).toZonedDateTimeISO(timeZone)
  return {
    clinicId: clinicIdOf(one, planting, clinicId),
    startsAt: instant(start),
    endsAt: instant(end),
    localStart: local.toString({ smallestUnit: 'second', timeZoneName: 'never' }),
  }
}

const bare = ({ clinicId, startsAt, endsAt, localStart }: Slot) => ({ clinicId, startsAt, endsAt, localStart })
const inOrder = (slots: ReturnType<typeof bare>[]) =>
  slots.toSorted((a, b) => (a.startsAt + a.clinicId < b.startsAt + b.clinicId ? -1 : 1))

async function slotsOf({ fromDay, untilDay }: World, { doctor }: Planting): Promise<Slot[]> {
  const query = { from: fromDay, to: untilDay }
  const { status, body } = await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query })
  expect(status).toBe(200)
  return body.data
}

async function searchAgrees(one: World, facts: SchedulingFacts, planting: Planting): Promise<void> {
  counts.searches++
  const found = await slotsOf(one, planting)
  const expected = offeredIn(one, facts)
  expect(inOrder(found.map(bare))).toEqual(inOrder(expected.map((start) => presented(one, planting, start))))
  expect(found.map(({ startsAt }) => startsAt)).toEqual(found.map(({ startsAt }) => startsAt).toSorted())
  await expectFree(one, planting, found)
  for (const calendar of facts.calendars) {
    const given = minutesOfRules(calendar, one.fromDay, one.untilDay)
    const used = new Set(expected.filter(({ clinicId }) => clinicId === calendar.clinicId).flatMap(minutesOf))
    expect(used.size).toBeLessThanOrEqual(given.size)
    expect(used.difference(given)).toEqual(new Set())
  }
}

const minutesOf = ({ start, end }: Start) =>
  Array.from({ length: (end - start) / MINUTE }, (_, index) => start + index * MINUTE)

/** By a query of its own: no slot, with the buffers of the visit, overlaps the occupancy of the doctor. */
async function expectFree({ visit, now }: World, { doctor }: Planting, slots: Slot[]): Promise<void> {
  const { rows } = await sql<{ clash: string }>`
    select slot.starts_at::text || ' ' || during::text as clash
    from unnest(${slots.map(({ startsAt }) => startsAt)}::timestamptz[], ${slots.map(({ endsAt }) => endsAt)}::timestamptz[])
        as slot(starts_at, ends_at)
      join occupancy on resource_id = ${doctor.id} and (expires_at is null or expires_at > ${new Date(now)})
        and during && tstzrange(
          starts_at - make_interval(mins => ${visit.bufferBeforeMinutes}),
          ends_at + make_interval(mins => ${visit.bufferAfterMinutes})
        )`.execute(t.db)
  expect(rows).toEqual([])
}

/** The search over all doctors of the first clinic finds this doctor's slots there, page by page. */
async function wholeSearchAgrees(one: World, facts: SchedulingFacts, planting: Planting): Promise<void> {
  const found: Slot[] = []
  let cursor: string | undefined
  do {
    const query = {
      clinicId: planting.clinics[0]!,
      from: one.fromDay,
      to: one.untilDay,
      limit: 12,
      ...(cursor && { cursor }),
    }
    const { status, body } = await t.anonymous.get('/slots', { query })
    expect(status).toBe(200)
    found.push(...body.data)
    cursor = body.nextCursor ?? undefined
  } while (cursor !== undefined)
  const expected = offeredIn(one, facts).filter(({ clinicId }) => clinicId === 'home')
  expect(found.map(bare)).toEqual(expected.map((start) => presented(one, planting, start)))
}

async function attemptAgrees(one: World, facts: SchedulingFacts, planting: Planting, each: Attempt): Promise<void> {
  const wanted = aimOf(one, facts, each)
  const override = each.way === 'hold' ? undefined : each.override
  const possible = isPossible(facts, wanted, override)
  if (!override) await explanationAgrees(one, planting, wanted, possible)

  counts.attempts++
  const answer = await tryToHave(one, planting, wanted, { ...each, override })
  const { status, body } = answer
  expectVerdict(one, planting, facts, { wanted, override, possible, answer, success: 201 })
  if (status !== 201) return

  counts.booked++
  expect(body).toMatchObject(appointmentAt(one, planting, wanted))
  const free = occupy(facts, wanted, body.room)
  if (each.thenMove === undefined || body.status !== 'booked') return

  counts.attempts++
  free()
  const target = aimOf(one, facts, { ...each, pick: each.thenMove, aim: each.thenMove % 3 === 0 ? 'near' : 'offered' })
  const canMove = isPossible(facts, target)
  const move = { startsAt: instant(target.start), clinicId: clinicIdOf(one, planting, target.clinicId) }
  const moved = await t.as(admin).put(`/appointments/${body.id}/reschedule`, move)
  expectVerdict(one, planting, facts, { wanted: target, possible: canMove, answer: moved, success: 200 })
  if (canMove) expect(moved.body).toMatchObject({ id: body.id, ...appointmentAt(one, planting, target) })
  occupy(facts, canMove ? target : wanted, canMove ? moved.body.room : body.room)
}

function aimOf(one: World, facts: SchedulingFacts, { aim, pick, shift }: Attempt): Start {
  const duration = one.visit.durationMinutes * MINUTE
  const offered = offeredIn(one, facts)
  const slot = offered[pick % Math.max(1, offered.length)]
  if (aim !== 'anywhere' && slot) {
    const start = slot.start + (aim === 'near' ? shift : 0) * MINUTE
    return { ...slot, start, end: start + duration }
  }
  const start = Date.parse(`${one.fromDay}T00:00:00Z`) + ((pick % 4320) - 720) * MINUTE
  return { clinicId: facts.calendars[pick % facts.calendars.length]!.clinicId, start, end: start + duration }
}

/** By brute force on the clinic's local day, in a world without the overridden rules. */
function isPossible(facts: SchedulingFacts, { clinicId, start, end }: Start, override: Override[] = []): boolean {
  const calendar = facts.calendars.find((one) => one.clinicId === clinicId)!
  const day = Temporal.Instant.fromEpochMilliseconds(start)
    .toZonedDateTimeISO(calendar.timeZone)
    .toPlainDate()
    .toString()
  const anyHours = {
    ...calendar,
    schedules: [],
    exceptions: [
      ...calendar.exceptions.filter(({ kind }) => kind === 'off'),
      { kind: 'extra' as const, startsAt: start, endsAt: end },
    ],
  }
  const relaxed = {
    ...facts,
    visit: {
      ...facts.visit,
      ...(override.includes('minimum_notice') && { minimumNoticeMinutes: 0 }),
      ...(override.includes('horizon') && { horizonDays: 100_000 }),
    },
    calendars: [override.includes('hours') ? anyHours : calendar],
  }
  return startsByBruteForce(relaxed, day, day).some((slot) => slot.start === start)
}

/** The same facts without the busy ranges of other appointments. */
const withoutOthers = (facts: SchedulingFacts): SchedulingFacts => ({
  ...facts,
  busy: [],
  calendars: facts.calendars.map((calendar) => ({ ...calendar, rooms: undefined })),
})

async function explanationAgrees(
  one: World,
  { doctor, clinics }: Planting,
  { clinicId, start }: Start,
  bookable: boolean,
) {
  const query = { startsAt: instant(start), clinicId: clinicIdOf(one, { doctor, clinics }, clinicId) }
  const { body } = await t.as(admin).get(`/doctors/${doctor.id}/slots/explanation`, { query })
  expect([query, body.bookable]).toEqual([query, bookable])
}

async function tryToHave(one: World, planting: Planting, { clinicId, start }: Start, { way, override }: Attempt) {
  const patient = await t.newPatient({ account: way !== 'admin' })
  const wanted = {
    doctorId: planting.doctor.id,
    clinicId: clinicIdOf(one, planting, clinicId),
    startsAt: instant(start),
    ...(way === 'hold' && { hold: true }),
    ...(override && { override, reason: 'as asked on the telephone' }),
  }
  if (way === 'admin' || override) return t.as(admin).post('/appointments', { ...wanted, patientId: patient.id })
  return t.as(patient.actor).post('/appointments', wanted)
}

type Verdict = { wanted: Start; override?: Override[]; possible: boolean; answer: Answer; success: 200 | 201 }
type Answer = Awaited<ReturnType<typeof tryToHave>>

function expectVerdict(
  one: World,
  planting: Planting,
  facts: SchedulingFacts,
  { wanted, override, possible, answer: { status, body }, success }: Verdict,
): void {
  const taken = isPossible(withoutOthers(facts), wanted, override)
  const refused = wanted.start <= one.now ? '422 validation_failed' : `409 ${taken ? 'slot_taken' : 'not_bookable'}`
  const outcome = status === success ? success : `${status} ${body.code}`
  expect([wanted, override, outcome]).toEqual([wanted, override, possible ? success : refused])
  for (const { doctorId, clinicId, startsAt, endsAt } of body.alternatives ?? []) {
    const clinic = one.calendars[planting.clinics.indexOf(clinicId)]!
    const start = { clinicId: clinic.clinicId, start: Date.parse(startsAt), end: Date.parse(endsAt) }
    expect([doctorId, start, isPossible(facts, start)]).toEqual([planting.doctor.id, start, true])
  }
}

function appointmentAt(one: World, planting: Planting, wanted: Start) {
  const { clinicId, ...times } = presented(one, planting, wanted)
  return { ...times, clinic: { id: clinicId } }
}

/** Adds a visit to the facts; the returned function removes it again. */
function occupy(
  facts: SchedulingFacts,
  { clinicId, start, end }: Start,
  room: { name: string } | undefined,
): () => void {
  const { bufferBeforeMinutes: before, bufferAfterMinutes: after } = facts.visit
  const range = { start: start - before * MINUTE, end: end + after * MINUTE }
  const { rooms } = facts.calendars.find((calendar) => calendar.clinicId === clinicId)!
  expect(room !== undefined).toBe(rooms !== undefined)
  const takers = [facts.busy, ...(rooms && room ? [rooms[Number(room.name.split(' ')[1])]!] : [])]
  for (const taker of takers) taker.push(range)
  offers.delete(facts)
  return () => {
    offers.delete(facts)
    for (const taker of takers) taker.splice(taker.indexOf(range), 1)
  }
}
