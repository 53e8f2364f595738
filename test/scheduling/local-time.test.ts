import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import {
  addDays,
  dayBounds,
  instantAt,
  isoOfWall,
  isoWeekday,
  isTimeZone,
  localDay,
  localStart,
  localWallTime,
  utcOf,
} from '../../src/scheduling/local-time'

const numRuns = process.env.TEST_SCALE === 'full' ? 2000 : 200
const utc = (text: string) => Date.parse(`${text}Z`)

describe('local days', () => {
  test.each([
    ['America/New_York', '2026-03-08', '2026-03-08T05:00', '2026-03-09T04:00'],
    ['America/New_York', '2026-11-01', '2026-11-01T04:00', '2026-11-02T05:00'],
    ['Europe/Berlin', '2026-03-29', '2026-03-28T23:00', '2026-03-29T22:00'],
    ['Europe/Berlin', '2026-10-25', '2026-10-24T22:00', '2026-10-25T23:00'],
    ['Australia/Lord_Howe', '2026-04-05', '2026-04-04T13:00', '2026-04-05T13:30'],
    ['Australia/Lord_Howe', '2026-10-04', '2026-10-03T13:30', '2026-10-04T13:00'],
    ['Asia/Kathmandu', '2026-06-01', '2026-05-31T18:15', '2026-06-01T18:15'],
    ['America/Santiago', '2026-04-04', '2026-04-04T03:00', '2026-04-05T04:00'],
    ['America/Santiago', '2026-09-06', '2026-09-06T04:00', '2026-09-07T03:00'],
    ['Europe/Dublin', '2026-03-29', '2026-03-29T00:00', '2026-03-29T23:00'],
    ['Europe/Dublin', '2026-10-25', '2026-10-24T23:00', '2026-10-26T00:00'],
    ['Pacific/Apia', '2011-12-30', '2011-12-30T10:00', '2011-12-30T10:00'],
  ])('the local day in %s on %s runs from %s to %s', (timeZone, day, start, end) => {
    expect(dayBounds(day, timeZone)).toEqual({ start: utc(start), end: utc(end) })
  })

  test('adding days to a local day crosses months, leap days and years', () => {
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29')
    expect(addDays('2026-12-31', 1)).toBe('2027-01-01')
    expect(addDays('2026-03-01', -1)).toBe('2026-02-28')
  })

  test('local days have ISO weekdays, before 1970 too', () => {
    for (let day = -10; day <= 10; day++) {
      expect(isoWeekday(day)).toBe(Temporal.PlainDate.from('1970-01-01').add({ days: day }).dayOfWeek)
    }
  })
})

describe('local times', () => {
  test.each([
    ['America/New_York', '2026-03-02T14:00', '2026-03-02T09:00:00-05:00'],
    ['Asia/Kathmandu', '2026-03-02T14:00', '2026-03-02T19:45:00+05:45'],
    ['Australia/Lord_Howe', '2026-06-01T00:00', '2026-06-01T10:30:00+10:30'],
    ['America/St_Johns', '2026-01-01T00:00', '2025-12-31T20:30:00-03:30'],
    ['UTC', '2026-03-02T14:00', '2026-03-02T14:00:00+00:00'],
  ])('the local time in %s at %s is written %s', (timeZone, instant, local) => {
    expect(localStart(utc(instant), timeZone)).toBe(local)
    expect(localDay(utc(instant), timeZone)).toBe(local.slice(0, 10))
    expect(localWallTime(utc(instant), timeZone)).toBe(local.slice(11, 16))
  })

  test('a local time that occurs twice is the first, and a local time in a gap is the end of the gap', () => {
    expect(instantAt('2026-11-01', '01:30', 'America/New_York')).toBe(utc('2026-11-01T05:30'))
    expect(instantAt('2026-03-08', '02:10', 'America/New_York')).toBe(utc('2026-03-08T07:00'))
    expect(instantAt('2026-03-08', '24:00', 'America/New_York')).toBe(utc('2026-03-09T04:00'))
  })

  test('local times agree with Temporal in every time zone, also around each clock change of 2026', () => {
    const zone = fc.constantFrom(...Intl.supportedValuesOf('timeZone'))
    fc.assert(
      fc.property(zone, fc.integer({ min: -36 * 60, max: 36 * 60 }), (timeZone, minutes) => {
        for (const moment of momentsOf2026(timeZone)) {
          const at = moment.add({ minutes })
          const instant = at.epochMilliseconds
          expect(localStart(instant, timeZone)).toBe(at.toString({ smallestUnit: 'second', timeZoneName: 'never' }))
          const first = at.toPlainDateTime().toZonedDateTime(timeZone, { disambiguation: 'earlier' })
          const [day, time] = [at.toPlainDate().toString(), at.toPlainTime().toString().slice(0, 5)]
          expect(instantAt(day, time, timeZone)).toBe(first.epochMilliseconds)
          expect(dayBounds(day, timeZone).start).toBe(at.startOfDay().epochMilliseconds)
        }
      }),
      { numRuns },
    )
  })
})

test('a time zone must have an IANA name', () => {
  for (const name of ['America/New_York', 'UTC', 'Etc/GMT+1', 'US/Eastern']) expect(isTimeZone(name)).toBe(true)
  for (const name of ['+01:00', '-0500', 'GMT+1', 'Mars/Olympus', '', ' UTC', 'Z']) expect(isTimeZone(name)).toBe(false)
})

function momentsOf2026(timeZone: string): Temporal.ZonedDateTime[] {
  const newYear = Temporal.PlainDate.from('2026-01-01').toZonedDateTime(timeZone)
  const first = newYear.getTimeZoneTransition('next')
  const second = first?.getTimeZoneTransition('next')
  return [newYear, first, second].filter((moment) => moment !== null && moment !== undefined)
}

test('a wall time is written as Date writes it, before 1970 too and in any order of days', () => {
  const ms = fc.integer({ min: Date.UTC(1800, 0, 1), max: Date.UTC(2300, 0, 1) })
  fc.assert(
    fc.property(ms, (wall) => expect(isoOfWall(wall)).toBe(new Date(wall).toISOString().slice(0, 19))),
    { numRuns },
  )
})

test('an instant is written as Date writes it, for many instants in any order', () => {
  const written = (instant: number) => `${new Date(instant).toISOString().slice(0, 19)}Z`
  const instants = Array.from({ length: 40_000 }, (_, i) => utc('2026-01-01T00:00') + ((i * 7919) % 40_000) * 300_000)

  expect(instants.map(utcOf)).toEqual(instants.map(written))
  expect(instants.map(utcOf)).toEqual(instants.map(written))
})
