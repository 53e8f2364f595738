import { describe, expect, test } from 'bun:test'
import {
  assertWaitlistTransition,
  type EntryStatus,
  earliestToday,
  statusNow,
  WAITLIST_TRANSITIONS,
} from '../../src/waitlist/status'

const ALL: EntryStatus[] = ['waiting', 'offered', 'accepted', 'declined', 'lapsed', 'withdrawn', 'expired']
const ALLOWED = [
  'waiting→offered',
  'waiting→withdrawn',
  'waiting→expired',
  'offered→accepted',
  'offered→declined',
  'offered→lapsed',
  'offered→withdrawn',
]
const now = new Date('2026-01-05T12:00:00Z')
const inAMinute = new Date(now.getTime() + 60_000)

describe('status of a waiting list entry', () => {
  test.each(ALL.flatMap((from) => ALL.map((to) => [from, to] as const)))(
    'a waiting list entry that is %s may become %s only by an allowed transition',
    (from, to) => {
      const change = () => assertWaitlistTransition(from, to)
      if (ALLOWED.includes(`${from}→${to}`)) expect(change).not.toThrow()
      else expect(change).toThrow(from === 'lapsed' && to === 'accepted' ? 'hold_expired' : 'invalid_state')
    },
  )

  test('a finished waiting list entry never changes again', () => {
    const open: EntryStatus[] = ['waiting', 'offered']
    expect(WAITLIST_TRANSITIONS.filter(({ from }) => !open.includes(from))).toEqual([])
  })

  test.each([
    ['2026-01-04', 'expired'],
    ['2026-01-05', 'waiting'],
    ['2026-01-06', 'waiting'],
  ] as const)('a waiting list entry with the last day %s is %s on 2026-01-05', (endsOn, status) => {
    expect(statusNow({ status: 'waiting', endsOn }, null, now)).toBe(status)
  })

  test.each([
    ['held', 'offered', inAMinute],
    ['held', 'lapsed', now],
    ['expired', 'lapsed', now],
    ['cancelled', 'declined', null],
    ['booked', 'accepted', null],
    ['checked_in', 'accepted', null],
    ['completed', 'accepted', null],
    ['no_show', 'accepted', null],
  ] as const)('a waiting list entry whose offered appointment is %s is %s', (status, expected, holdExpiresAt) => {
    const offer = { status, holdExpiresAt }
    expect(statusNow({ status: 'offered', endsOn: '2026-01-05' }, offer, now)).toBe(expected)
  })

  test('a finished waiting list entry keeps its status when the offered appointment changes', () => {
    for (const status of ['accepted', 'declined', 'lapsed', 'withdrawn'] as const)
      expect(statusNow({ status, endsOn: '2026-01-05' }, { status: 'cancelled', holdExpiresAt: null }, now)).toBe(
        status,
      )
  })
})

test('a day has ended once it has ended in the last time zone', () => {
  expect(earliestToday(new Date('2026-01-05T11:59:59Z'))).toBe('2026-01-04')
  expect(earliestToday(new Date('2026-01-05T12:00:00Z'))).toBe('2026-01-05')
})
