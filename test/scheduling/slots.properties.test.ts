import { afterAll, describe, setDefaultTimeout, test } from 'bun:test'
import fc from 'fast-check'
import {
  type BookableStart,
  bookableStarts,
  type ClinicCalendar,
  explainStart,
  occupiedRange,
  type SchedulingFacts,
} from '../../src/scheduling/slots'
import { changeDaysOf2026, minutesOfRules, startsByBruteForce } from './oracle'

const MINUTE = 60_000
const DAY = 86_400_000
const seed = Number(process.env.TEST_SEED ?? crypto.getRandomValues(new Int32Array(1))[0])
const numRuns = process.env.TEST_SCALE === 'full' ? 2000 : 100
afterAll(() => console.log(`the engine against brute force: seed ${seed}, ${numRuns} worlds each`))

setDefaultTimeout(60_000)

// Days at, before and after clock changes; unusual ones are chosen more often than others.
const CHANGES: [timeZone: string, days: string[]][] = [
  ['America/New_York', ['2026-03-08', '2026-11-01']],
  ['Europe/Berlin', ['2026-03-29', '2026-10-25']],
  ['Australia/Lord_Howe', ['2026-04-05', '2026-10-04']],
  ['Asia/Kathmandu', ['2026-03-29', '2026-10-25']],
  ['America/Santiago', ['2026-04-04', '2026-09-06']],
  ['Europe/Dublin', ['2026-03-29', '2026-10-25']],
  ['America/Nuuk', ['2026-03-28', '2026-10-24']],
  ['America/Havana', ['2026-03-08', '2026-11-01']],
  ['Africa/Cairo', ['2026-04-24', '2026-10-29']],
  ['Antarctica/Troll', ['2026-03-29', '2026-10-25']],
  ['Pacific/Apia', ['2011-12-30', '2011-12-29']],
]

type World = { facts: SchedulingFacts; fromDay: string; untilDay: string }

const oddPlace = fc.constantFrom(...CHANGES.flatMap(([timeZone, days]) => days.map((day) => ({ timeZone, day }))))
const anyPlace = fc
  .constantFrom(...Intl.supportedValuesOf('timeZone'))
  .chain((timeZone) => fc.constantFrom(...changeDaysOf2026(timeZone).map((day) => ({ timeZone, day }))))
const place = fc.oneof({ weight: 5, arbitrary: oddPlace }, { weight: 1, arbitrary: anyPlace })

const timeOfDay = fc.integer({ min: 0, max: 96 }).map((quarter) => {
  return `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`
})

const window = (weekday: fc.Arbitrary<number>) =>
  fc
    .record({ weekday, times: fc.uniqueArray(timeOfDay, { minLength: 2, maxLength: 2 }) })
    .map(({ weekday, times }) => ({ weekday, start: times.toSorted()[0]!, end: times.toSorted()[1]! }))

/** Hours on weekdays from the day before to two days after. */
const weeklyAround = (day: string) => {
  const sundayBased = new Date(`${day}T12:00:00Z`).getUTCDay()
  const weekday = fc.integer({ min: 5, max: 8 }).map((shift) => ((sundayBased + shift) % 7) + 1)
  return fc.array(window(weekday), { maxLength: 8 })
}

const visit = fc.record({
  durationMinutes: fc.constantFrom(5, 20, 30, 45, 60, 90),
  slotIntervalMinutes: fc.constantFrom(7, 15, 20, 30, 60),
  bufferBeforeMinutes: fc.constantFrom(0, 0, 5, 20),
  bufferAfterMinutes: fc.constantFrom(0, 0, 10, 30),
  minimumNoticeMinutes: fc.constantFrom(0, 0, 60, 1440),
  horizonDays: fc.constantFrom(1, 3, 90, 90, 90),
})

const world: fc.Arbitrary<World> = place.chain(({ timeZone, day }) => {
  const noon = Date.parse(`${day}T12:00:00Z`)
  const dayOf = (offset: number) => new Date(noon + offset * DAY).toISOString().slice(0, 10)
  const minuteNear = fc.integer({ min: -2 * 1440, max: 2 * 1440 }).map((minutes) => noon + minutes * MINUTE)
  const range = (longest: number) =>
    fc.tuple(minuteNear, fc.integer({ min: 0, max: longest })).map(([start, minutes]) => ({
      start,
      end: start + minutes * MINUTE,
    }))
  const ranges = fc.array(range(120), { maxLength: 12 })
  const exceptions = fc.array(
    fc
      .record({ kind: fc.constantFrom('off' as const, 'extra' as const), during: range(600) })
      .map(({ kind, during }) => ({ kind, startsAt: during.start, endsAt: during.end })),
    { maxLength: 4 },
  )
  const days = fc.tuple(fc.integer({ min: -1, max: 1 }), fc.integer({ min: 0, max: 1 }))
  const dates = days.map(([from, length]) => ({ startsOn: dayOf(from), endsOn: dayOf(from + length) }))
  const weekly = weeklyAround(day)
  const schedules = fc.record({ standing: weekly, dated: fc.option(fc.record({ dates, weekly }), { freq: 2 }) })
  const calendar = (clinicId: string, zone: fc.Arbitrary<string>): fc.Arbitrary<ClinicCalendar> =>
    fc.record({
      clinicId: fc.constant(clinicId),
      timeZone: zone,
      schedules: schedules.map(({ standing, dated }) => [
        { validFrom: null, validUntil: null, windows: standing },
        ...(dated ? [{ validFrom: dated.dates.startsOn, validUntil: dated.dates.endsOn, windows: dated.weekly }] : []),
      ]),
      exceptions,
      closures: fc.array(dates, { maxLength: 1, size: 'xsmall' }),
      rooms: fc.option(fc.array(ranges, { minLength: 1, maxLength: 2 }), { nil: undefined, freq: 2 }),
    })
  const home = calendar('home', fc.constant(timeZone))
  const away = calendar('away', fc.constantFrom('Europe/Berlin', 'Asia/Kathmandu', 'America/New_York'))
  return fc.record({
    fromDay: fc.constantFrom(dayOf(-1), dayOf(0)),
    untilDay: fc.constantFrom(dayOf(0), dayOf(1)),
    facts: fc.record({
      visit,
      calendars: fc.oneof({ weight: 3, arbitrary: fc.tuple(home) }, { weight: 1, arbitrary: fc.tuple(home, away) }),
      busy: ranges,
      alsoBusy: fc.array(range(120), { maxLength: 3 }),
      now: fc.oneof({ weight: 1, arbitrary: minuteNear }, { weight: 4, arbitrary: fc.constant(noon - 3 * DAY) }),
    }),
  })
})

const offered = ({ facts, fromDay, untilDay }: World) => bookableStarts(facts, { fromDay, untilDay })

describe('slot engine in random worlds', () => {
  test('the slot engine offers exactly the starts that a minute-by-minute search finds', () => {
    fc.assert(
      fc.property(world, (one) => {
        const slow = startsByBruteForce(one.facts, one.fromDay, one.untilDay)
        expectSame(offered(one), slow)
      }),
      { numRuns, seed },
    )
  })

  test('no offered visit with its buffers overlaps a busy range', () => {
    fc.assert(
      fc.property(world, (one) =>
        offered(one).every(({ start, end }) => {
          const taken = occupiedRange(one.facts.visit, start)
          const meets = (a: { start: number; end: number }, b: { start: number; end: number }) =>
            Math.max(a.start, b.start) < Math.min(a.end, b.end)
          return (
            !one.facts.busy.some((range) => meets(range, taken)) &&
            !one.facts.alsoBusy?.some((range) => meets(range, { start, end }))
          )
        }),
      ),
      { numRuns, seed },
    )
  })

  test('the offered visits of a clinic lie inside its hours and outside closures and time off', () => {
    fc.assert(
      fc.property(world, (one) =>
        one.facts.calendars.every((calendar) => {
          const given = minutesOfRules(calendar, one.fromDay, one.untilDay)
          const used = offered(one).filter(({ clinicId }) => clinicId === calendar.clinicId)
          const minutes = new Set(used.flatMap(minutesOf))
          return minutes.size <= given.size && minutes.isSubsetOf(given)
        }),
      ),
      { numRuns, seed },
    )
  })

  test('an explanation passes every rule exactly when the start is offered', () => {
    const asked = fc.array(fc.integer({ min: -1500, max: 1500 }), { maxLength: 20 })
    fc.assert(
      fc.property(world, asked, (one, minutes) => {
        const free = new Set(offered(one).map(({ clinicId, start }) => `${clinicId} ${start}`))
        const noon = Date.parse(`${one.fromDay}T12:00:00Z`)
        return one.facts.calendars.every(({ clinicId, timeZone }) => {
          const others = minutes.map((minute) => noon + minute * MINUTE)
          const inRange = others.filter((start) => isWithin(one, start, timeZone))
          const onOffer = offered(one).filter((slot) => slot.clinicId === clinicId)
          return [...inRange, ...onOffer.map(({ start }) => start)].every((start) => {
            const bookable = explainStart(one.facts, start, clinicId).every(({ pass }) => pass)
            return bookable === free.has(`${clinicId} ${start}`)
          })
        })
      }),
      { numRuns, seed },
    )
  })
})

function expectSame(fast: BookableStart[], slow: BookableStart[]): void {
  const readable = (starts: BookableStart[]) =>
    starts.map(({ clinicId, start, end }) => `${clinicId} ${new Date(start).toISOString()} ${(end - start) / MINUTE}`)
  const [left, right] = [readable(fast).join('\n'), readable(slow).join('\n')]
  if (left !== right) throw new Error(`offered:\n${left}\nbut by brute force:\n${right}`)
}

function minutesOf({ start, end }: BookableStart): number[] {
  return Array.from({ length: (end - start) / MINUTE }, (_, index) => start + index * MINUTE)
}

function isWithin({ fromDay, untilDay }: World, start: number, timeZone: string): boolean {
  const day = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' }).format(start)
  return fromDay <= day && day <= untilDay
}
