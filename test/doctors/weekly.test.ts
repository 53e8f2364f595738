import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { findWeeklyProblems } from '../../src/doctors/availability/weekly'

const time = fc
  .integer({ min: 0, max: 24 * 4 })
  .map(
    (quarter) => `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`,
  )
const windows = fc.array(fc.record({ weekday: fc.integer({ min: 1, max: 7 }), start: time, end: time }), {
  maxLength: 12,
})

describe('weekly hours', () => {
  test('weekly hours are valid exactly if no window is reversed and no two windows of a day overlap', () => {
    fc.assert(
      fc.property(windows, (weekly) => {
        const reversed = weekly.some(({ start, end }) => end <= start)
        const overlapping = weekly.some((a, i) =>
          weekly.some((b, j) => i < j && a.weekday === b.weekday && a.start < b.end && b.start < a.end),
        )
        expect(findWeeklyProblems(weekly).length > 0).toBe(reversed || overlapping)
      }),
      { numRuns: process.env.TEST_SCALE === 'full' ? 20_000 : 1000 },
    )
  })

  test('a problem in weekly hours names the window by its index in the request', () => {
    const weekly = [
      { weekday: 2, start: '10:00', end: '12:00' },
      { weekday: 1, start: '09:00', end: '17:00' },
      { weekday: 2, start: '08:00', end: '10:30' },
      { weekday: 3, start: '12:00', end: '09:00' },
    ]
    expect(findWeeklyProblems(weekly)).toEqual([
      { index: 0, field: 'start', message: 'overlaps weekly.2' },
      { index: 3, field: 'end', message: 'must be after start' },
    ])
  })
})
