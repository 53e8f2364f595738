import { describe, expect, test } from 'bun:test'
import { assertTransition, TRANSITIONS } from '../../src/appointments/status'
import type { AppointmentStatus } from '../../src/ledger/status'

const STATUSES: AppointmentStatus[] = ['held', 'booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired']
const startsAt = new Date('2026-01-06T01:00:00Z')
const TIMES = {
  'the minute before': new Date('2026-01-06T00:59:00Z'),
  'the start': startsAt,
  'the last local minute of the day': new Date('2026-01-06T04:59:00Z'),
  'the next local day': new Date('2026-01-06T05:00:00Z'),
}

function allowedTimes(status: AppointmentStatus, to: AppointmentStatus): string[] {
  const appointment = { status, startsAt, date: '2026-01-05', timeZone: 'America/New_York' }
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
    'held → cancelled': ['the minute before'],
    'booked → cancelled': ['the minute before'],
    'booked → checked_in': always,
    'booked → completed': always.slice(1),
    'booked → no_show': always.slice(1),
    'checked_in → completed': always,
    'no_show → checked_in': always.slice(0, 3),
    'no_show → completed': always.slice(0, 3),
    'completed → checked_in': always.slice(0, 3),
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
