import { describe, expect, test } from 'bun:test'
import { assertTransition, mayBecome, TRANSITIONS } from '../../src/appointments/status'
import type { AppointmentStatus } from '../../src/ledger/status'

const STATUSES: AppointmentStatus[] = ['held', 'booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired']
const startsAt = new Date('2026-01-06T01:00:00Z')
const endsAt = new Date('2026-01-06T01:30:00Z')
const TIMES = {
  'a day before': new Date('2026-01-05T01:00:00Z'),
  'the last local minute of the day before': new Date('2026-01-05T04:59:00Z'),
  'the first local minute of the day': new Date('2026-01-05T05:00:00Z'),
  'the minute before': new Date('2026-01-06T00:59:00Z'),
  'the start': startsAt,
  'the last local minute of the day': new Date('2026-01-06T04:59:00Z'),
  'the next local day': new Date('2026-01-06T05:00:00Z'),
}

function allowedTimes(status: AppointmentStatus, to: AppointmentStatus): string[] {
  const appointment = { status, startsAt, endsAt, timeZone: 'America/New_York', holdExpiresAt: startsAt }
  return Object.entries(TIMES)
    .filter(([, now]) => {
      try {
        assertTransition(appointment, to, now)
        return true
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_state' })
        return false
      }
    })
    .map(([name]) => name)
}

describe('status of an appointment', () => {
  const always = Object.keys(TIMES)
  const expected: Record<string, string[]> = {
    'held → booked': always,
    'held → expired': always,
    'held → cancelled': always.slice(0, 4),
    'booked → cancelled': always.slice(0, 4),
    'booked → checked_in': always.slice(2, 6),
    'booked → completed': always.slice(4),
    'booked → no_show': always.slice(4),
    'checked_in → completed': always.slice(4),
    'checked_in → booked': always.slice(2, 4),
    'no_show → checked_in': always.slice(2, 6),
    'no_show → completed': always.slice(4, 6),
    'completed → checked_in': always.slice(2, 6),
  }

  test.each(STATUSES.flatMap((from) => STATUSES.map((to) => [from, to] as const)))(
    'an appointment may change from %s to %s exactly when the contract says',
    (from, to) => {
      expect(allowedTimes(from, to)).toEqual(expected[`${from} → ${to}`] ?? [])
    },
  )

  test('the table of transitions names each status change once', () => {
    const pairs = TRANSITIONS.map(({ from, to }) => `${from} → ${to}`)
    expect(pairs.toSorted()).toEqual(Object.keys(expected).toSorted())
  })
})

describe('the time of a check-in', () => {
  test.each([
    [
      'a visit at ten in the morning',
      'America/New_York',
      '2026-01-06T15:00Z',
      30,
      '2026-01-06T05:00Z',
      '2026-01-07T05:00Z',
    ],
    [
      'a visit an hour after midnight',
      'America/New_York',
      '2026-01-06T06:00Z',
      30,
      '2026-01-06T04:00Z',
      '2026-01-07T05:00Z',
    ],
    ['a visit over midnight', 'America/New_York', '2026-01-06T04:45Z', 30, '2026-01-05T05:00Z', '2026-01-07T05:00Z'],
    [
      'a day that begins at one o’clock',
      'Africa/Cairo',
      '2026-04-24T08:00Z',
      30,
      '2026-04-23T22:00Z',
      '2026-04-24T21:00Z',
    ],
    ['a day of 25 hours', 'Europe/London', '2026-10-25T12:00Z', 30, '2026-10-24T23:00Z', '2026-10-26T00:00Z'],
    [
      'a clinic that is far ahead of UTC',
      'Pacific/Kiritimati',
      '2026-01-05T20:00Z',
      30,
      '2026-01-05T10:00Z',
      '2026-01-06T10:00Z',
    ],
  ] as const)('is from the local midnight or two hours before, to the end of the local day: %s', (...row) => {
    const [, timeZone, start, minutes, opens, closes] = row
    const startsAt = new Date(start)
    const endsAt = new Date(startsAt.getTime() + minutes * 60_000)
    const mayCheckIn = (time: number) =>
      mayBecome({ status: 'booked', startsAt, endsAt, timeZone, holdExpiresAt: null }, 'checked_in', new Date(time))
    const [from, to] = [Date.parse(opens), Date.parse(closes)]
    expect([from - 1, from, to - 1, to].map(mayCheckIn)).toEqual([false, true, true, false])
  })
})
