import { describe, expect, test } from 'bun:test'
import { bookableStarts, type WeeklyWindow } from '../../src/scheduling/slots'

// Instants worked out by hand from the tz database's rules for 2026.
type Row = [what: string, day: string, hours: [start: string, end: string], interval: number, starts: string[]]

const TABLES: Record<string, Row[]> = {
  'America/New_York': [
    ['02:00 to 03:00 is skipped', '2026-03-08', ['00:00', '05:00'], 60, ['8T05:00', '8T06:00', '8T07:00', '8T08:00']],
    ['a start in the gap moves to its end', '2026-03-08', ['02:30', '04:00'], 30, ['8T07:00', '8T07:30']],
    ['an end in the gap moves to its end', '2026-03-08', ['01:00', '02:30'], 30, ['8T06:00', '8T06:30']],
    ['steps continue in wall time', '2026-03-08', ['01:45', '04:00'], 30, ['8T06:45', '8T07:15']],
    ['01:00 occurs twice', '2026-11-01', ['00:00', '04:00'], 60, ['1T04:00', '1T05:00', '1T07:00', '1T08:00']],
    ['a repeated start is its first', '2026-11-01', ['01:30', '03:00'], 30, ['1T05:30', '1T07:00', '1T07:30']],
    ['a repeated end is its first', '2026-11-01', ['00:00', '01:30'], 30, ['1T04:00', '1T04:30', '1T05:00']],
  ],
  'Europe/Berlin': [
    ['02:00 to 03:00 is skipped', '2026-03-29', ['01:00', '05:00'], 60, ['29T00:00', '29T01:00', '29T02:00']],
    ['02:00 occurs twice', '2026-10-25', ['01:00', '05:00'], 60, ['24T23:00', '25T00:00', '25T02:00', '25T03:00']],
  ],
  'Australia/Lord_Howe': [
    [
      '01:30 occurs twice',
      '2026-04-05',
      ['00:30', '03:00'],
      30,
      ['4T13:30', '4T14:00', '4T14:30', '4T15:30', '4T16:00'],
    ],
    ['02:00 to 02:30 is skipped', '2026-10-04', ['01:00', '03:30'], 30, ['3T14:30', '3T15:00', '3T15:30', '3T16:00']],
    ['an hourly grid loses 02:00', '2026-10-04', ['01:00', '04:00'], 60, ['3T14:30', '3T16:00']],
    ['a start in the gap moves to 02:30', '2026-10-04', ['02:00', '03:30'], 30, ['3T15:30', '3T16:00']],
  ],
  'Asia/Kathmandu': [
    ['the offset is +05:45 in spring', '2026-03-29', ['09:00', '11:00'], 60, ['29T03:15', '29T04:15']],
    ['the offset is +05:45 in autumn', '2026-10-25', ['09:00', '11:00'], 60, ['25T03:15', '25T04:15']],
  ],
  'America/Santiago': [
    ['23:00 occurs twice and 24:00 is the later end', '2026-04-04', ['22:00', '24:00'], 60, ['5T01:00', '5T02:00']],
    ['the day after the change starts at 00:00', '2026-04-05', ['00:00', '02:00'], 60, ['5T04:00', '5T05:00']],
    ['24:00 is skipped', '2026-09-05', ['22:00', '24:00'], 60, ['6T02:00', '6T03:00']],
    ['the day starts at 01:00', '2026-09-06', ['00:00', '03:00'], 60, ['6T04:00', '6T05:00']],
  ],
  'Europe/Dublin': [
    ['01:00 to 02:00 is skipped', '2026-03-29', ['00:00', '04:00'], 60, ['29T00:00', '29T01:00', '29T02:00']],
    ['01:00 occurs twice', '2026-10-25', ['00:00', '04:00'], 60, ['24T23:00', '25T00:00', '25T02:00', '25T03:00']],
  ],
  'Pacific/Apia': [
    ['the day before the skipped day has its last slot at 23:00', '2011-12-29', ['23:00', '24:00'], 60, ['30T09:00']],
    ['the skipped day has no slots', '2011-12-30', ['00:00', '24:00'], 60, []],
    ['the day after the skipped day starts at 00:00', '2011-12-31', ['00:00', '02:00'], 60, ['30T10:00', '30T11:00']],
  ],
}

for (const [timeZone, rows] of Object.entries(TABLES)) {
  describe(`windows and grid in ${timeZone}`, () => {
    test.each(rows)(`in ${timeZone}, %s (%s)`, (_what, day, [start, end], interval, expected) => {
      const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday): WeeklyWindow => ({ weekday, start, end }))
      const starts = bookableStarts(
        {
          visit: {
            durationMinutes: interval,
            slotIntervalMinutes: interval,
            bufferBeforeMinutes: 0,
            bufferAfterMinutes: 0,
            minimumNoticeMinutes: 0,
            horizonDays: 90,
          },
          calendars: [
            {
              clinicId: 'clinic',
              timeZone,
              schedules: [{ validFrom: null, validUntil: null, windows: everyDay }],
              exceptions: [],
              closures: [],
            },
          ],
          busy: [],
          now: Date.parse(`${day}T00:00:00Z`) - 10 * 86_400_000,
        },
        { fromDay: day, untilDay: day },
      )
      expect(starts.map(({ start }) => shortUtc(start))).toEqual(expected)
      expect(starts.every(({ start, end }) => end - start === interval * 60_000)).toBe(true)
    })
  })
}

/** Day of the month and time in UTC. */
function shortUtc(instant: number): string {
  return new Date(instant).toISOString().slice(8, 16).replace(/^0/, '')
}
