import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { endOfSeries, weeklyOccurrences } from '../../src/appointments/series/occurrences'
import { localDay, localStart, localWallTime } from '../../src/scheduling/local-time'

const NEW_YORK = 'America/New_York'
const CASES = process.env.TEST_SCALE === 'full' ? 2_000 : 200

const locally = (first: string, timeZone: string, weeks: number, count: number) =>
  weeklyOccurrences(Date.parse(first), timeZone, { weeks, count }).map(({ start, exists }) =>
    exists ? localStart(start, timeZone) : `skipped on ${localDay(start, timeZone)}`,
  )

describe('local times of a weekly series', () => {
  test.each([
    [
      'over the change to summer time',
      '2026-03-01T09:00:00-05:00',
      1,
      ['2026-03-01T09:00:00-05:00', '2026-03-08T09:00:00-04:00', '2026-03-15T09:00:00-04:00'],
    ],
    [
      'over the change back to winter time',
      '2026-10-25T09:00:00-04:00',
      1,
      ['2026-10-25T09:00:00-04:00', '2026-11-01T09:00:00-05:00', '2026-11-08T09:00:00-05:00'],
    ],
    [
      'over both changes with eight weeks between visits',
      '2026-02-16T16:30:00-05:00',
      8,
      [
        '2026-02-16T16:30:00-05:00',
        '2026-04-13T16:30:00-04:00',
        '2026-06-08T16:30:00-04:00',
        '2026-08-03T16:30:00-04:00',
        '2026-09-28T16:30:00-04:00',
        '2026-11-23T16:30:00-05:00',
      ],
    ],
    [
      'and skips the day on which this time does not exist',
      '2026-03-01T02:30:00-05:00',
      1,
      ['2026-03-01T02:30:00-05:00', 'skipped on 2026-03-08', '2026-03-15T02:30:00-04:00'],
    ],
    [
      'and takes the first of two equal local times',
      '2026-10-25T01:30:00-04:00',
      1,
      ['2026-10-25T01:30:00-04:00', '2026-11-01T01:30:00-04:00', '2026-11-08T01:30:00-05:00'],
    ],
    [
      'when it began at the second of two equal local times',
      '2026-11-01T01:30:00-05:00',
      1,
      ['2026-11-01T01:30:00-05:00', '2026-11-08T01:30:00-05:00'],
    ],
  ])('a weekly series keeps its local time %s', (_title, first, weeks, expected) => {
    expect(locally(first, NEW_YORK, weeks, expected.length)).toEqual(expected)
  })

  test.each([
    ['Europe/Berlin', '2026-03-23T08:00:00+01:00', ['2026-03-23T08:00:00+01:00', '2026-03-30T08:00:00+02:00']],
    ['Australia/Lord_Howe', '2026-03-30T09:00:00+11:00', ['2026-03-30T09:00:00+11:00', '2026-04-06T09:00:00+10:30']],
    ['Asia/Kathmandu', '2026-03-30T09:00:00+05:45', ['2026-03-30T09:00:00+05:45', '2026-04-06T09:00:00+05:45']],
    ['America/Santiago', '2026-08-31T09:00:00-04:00', ['2026-08-31T09:00:00-04:00', '2026-09-07T09:00:00-03:00']],
    ['Europe/Dublin', '2026-10-19T09:00:00+01:00', ['2026-10-19T09:00:00+01:00', '2026-10-26T09:00:00+00:00']],
  ])('a weekly series keeps its local time in %s', (zone, first, expected) => {
    expect(locally(first, zone, 1, expected.length)).toEqual(expected)
  })

  test('all occurrences of a weekly series have the same wall time and the right distance in days in any time zone', () => {
    const zones = Intl.supportedValuesOf('timeZone')
    const seed = Number(process.env.FC_SEED ?? Date.now() % 1_000_000)
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        fc.integer({ min: Date.UTC(2024, 0, 1) / 60_000, max: Date.UTC(2030, 0, 1) / 60_000 }),
        fc.integer({ min: 1, max: 8 }),
        fc.integer({ min: 2, max: 26 }),
        (zone, minute, weeks, count) => {
          const first = minute * 60_000
          const occurrences = weeklyOccurrences(first, zone, { weeks, count })
          expect(occurrences).toHaveLength(count)
          for (const [i, { start, exists }] of occurrences.entries()) {
            expect(start).toBeLessThanOrEqual(endOfSeries(first, { weeks, count }))
            if (!exists) continue
            expect(localWallTime(start, zone)).toBe(localWallTime(first, zone))
            const apart = Date.parse(localDay(start, zone)) - Date.parse(localDay(first, zone))
            expect(apart).toBe(i * weeks * 7 * 86_400_000)
          }
        },
      ),
      { numRuns: CASES, seed },
    )
  })
})
