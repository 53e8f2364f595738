import { describe, expect, test } from 'bun:test'
import {
  bookableStarts,
  type ClinicCalendar,
  explainStart,
  occupiedRange,
  type SchedulingFacts,
  type VisitRules,
} from '../../src/scheduling/slots'

const NEW_YORK = 'America/New_York'
const MONDAY = '2026-03-02'

/** An instant of March 2026 by New York's clock (EST, -05:00, until the 8th). */
const est = (day: number, time: string) => Date.parse(`2026-03-${String(day).padStart(2, '0')}T${time}:00-05:00`)

function makeCalendar(changes: Partial<ClinicCalendar> = {}): ClinicCalendar {
  const windows = [{ weekday: 1, start: '09:00', end: '11:00' }]
  return {
    clinicId: 'clinic-a',
    timeZone: NEW_YORK,
    schedules: [{ validFrom: null, validUntil: null, windows }],
    exceptions: [],
    closures: [],
    ...changes,
  }
}

function makeFacts({
  visit = {},
  ...changes
}: Partial<Omit<SchedulingFacts, 'visit'>> & { visit?: Partial<VisitRules> }) {
  const rules: VisitRules = {
    durationMinutes: 30,
    slotIntervalMinutes: 30,
    bufferBeforeMinutes: 0,
    bufferAfterMinutes: 0,
    minimumNoticeMinutes: 0,
    horizonDays: 90,
  }
  return { calendars: [makeCalendar()], busy: [], now: est(1, '12:00'), ...changes, visit: { ...rules, ...visit } }
}

/** The offered starts in New York's local time, with the day in front when there are several days. */
function offered(facts: SchedulingFacts, fromDay = MONDAY, untilDay = fromDay): string[] {
  return bookableStarts(facts, { fromDay, untilDay }).map(({ start }) => {
    const local = new Date(start).toLocaleString('sv-SE', { timeZone: NEW_YORK })
    return fromDay === untilDay ? local.slice(11, 16) : local.slice(8, 16)
  })
}

function failing(facts: SchedulingFacts, start: number, clinicId = 'clinic-a'): string[] {
  return explainStart(facts, start, clinicId)
    .filter(({ pass }) => !pass)
    .map(({ rule, detail }) => `${rule}: ${detail}`)
}

describe('hours and grid', () => {
  test('starts step through the window and the last visit ends with it', () => {
    expect(offered(makeFacts({}))).toEqual(['09:00', '09:30', '10:00', '10:30'])
    expect(offered(makeFacts({ visit: { durationMinutes: 50 } }))).toEqual(['09:00', '09:30', '10:00'])
    expect(offered(makeFacts({ visit: { slotIntervalMinutes: 45 } }))).toEqual(['09:00', '09:45', '10:30'])
  })

  test('a dated schedule overrides the standing week from its first to its last day, even without any hours', () => {
    const windows = [{ weekday: 1, start: '09:00', end: '10:00' }]
    const dated = { validFrom: '2026-03-09', validUntil: '2026-03-16', windows: [] }
    const schedules = [{ validFrom: null, validUntil: null, windows }, dated]
    const facts = makeFacts({ calendars: [makeCalendar({ schedules })], visit: { durationMinutes: 60 } })
    expect(offered(facts, '2026-03-01', '2026-03-31')).toEqual(['02 09:00', '23 09:00', '30 09:00'])
  })

  test('each window has its own grid and equal starts are offered once', () => {
    const windows = [
      { weekday: 1, start: '09:00', end: '10:00' },
      { weekday: 1, start: '10:15', end: '11:15' },
    ]
    const extra = { kind: 'extra' as const, startsAt: est(2, '09:30'), endsAt: est(2, '10:30') }
    const schedules = [{ validFrom: null, validUntil: null, windows }]
    const facts = makeFacts({ calendars: [makeCalendar({ schedules, exceptions: [extra] })] })
    expect(offered(facts)).toEqual(['09:00', '09:30', '10:00', '10:15', '10:45'])
  })

  test('extra hours cross midnight, and each visit belongs to the day of its start', () => {
    const extra = { kind: 'extra' as const, startsAt: est(3, '23:10'), endsAt: est(4, '00:50') }
    const facts = makeFacts({ calendars: [makeCalendar({ exceptions: [extra] })] })
    expect(offered(facts, '2026-03-03')).toEqual(['23:10', '23:40'])
    expect(offered(facts, '2026-03-04')).toEqual(['00:10'])
  })

  test('extra hours that begin in the second of two equal hours offer that second hour', () => {
    const startsAt = Date.parse('2026-11-01T01:30:00-05:00')
    const extra = { kind: 'extra' as const, startsAt, endsAt: startsAt + 3_600_000 }
    const facts = makeFacts({ calendars: [makeCalendar({ exceptions: [extra] })], now: startsAt - 3_600_000 })
    const starts = bookableStarts(facts, { fromDay: '2026-11-01', untilDay: '2026-11-01' })
    expect(starts.map(({ start }) => start - startsAt)).toEqual([0, 1_800_000])
  })

  test('a window that ends at 24:00 ends with the day', () => {
    const windows = [{ weekday: 1, start: '23:00', end: '24:00' }]
    const schedules = [{ validFrom: null, validUntil: null, windows }]
    expect(offered(makeFacts({ calendars: [makeCalendar({ schedules })] }))).toEqual(['23:00', '23:30'])
  })

  test('a slot interval of zero and a negative duration are refused', () => {
    expect(() => offered(makeFacts({ visit: { slotIntervalMinutes: 0 } }))).toThrow(RangeError)
    expect(() => offered(makeFacts({ visit: { durationMinutes: -30 } }))).toThrow(RangeError)
  })

  test('broken hours and grid rules are explained in local times', () => {
    expect(failing(makeFacts({}), est(2, '10:30'))).toEqual([])
    expect(failing(makeFacts({}), est(2, '10:40'))).toEqual(["hours: outside the doctor's hours: 09:00–11:00"])
    expect(failing(makeFacts({}), est(3, '10:00'))).toEqual(["hours: outside the doctor's hours: none on 2026-03-03"])
    expect(failing(makeFacts({}), est(2, '09:10'))).toEqual(['grid: does not lie on the steps of 30 min from 09:00'])
    expect(failing(makeFacts({}), est(2, '09:00'), 'elsewhere')).toEqual([
      'hours: the doctor does not work at this clinic',
    ])
  })

  test('the second of two equal local times is explained as not bookable', () => {
    const windows = [{ weekday: 7, start: '00:00', end: '04:00' }]
    const schedules = [{ validFrom: null, validUntil: null, windows }]
    const now = Date.parse('2026-10-31T12:00:00Z')
    const facts = makeFacts({ calendars: [makeCalendar({ schedules })], now })
    expect(failing(facts, Date.parse('2026-11-01T01:30:00-04:00'))).toEqual([])
    expect(failing(facts, Date.parse('2026-11-01T01:30:00-05:00'))).toEqual([
      'grid: the clocks go back: only the first of two equal local times is bookable',
    ])
  })
})

describe('time off and closures', () => {
  test('a visit may touch time off but not reach into it, while buffers may', () => {
    const off = { kind: 'off' as const, startsAt: est(2, '09:30'), endsAt: est(2, '10:00') }
    const calendars = [makeCalendar({ exceptions: [off] })]
    const buffers = { bufferBeforeMinutes: 20, bufferAfterMinutes: 20 }
    expect(offered(makeFacts({ calendars, visit: buffers }))).toEqual(['09:00', '10:00', '10:30'])
    expect(failing(makeFacts({ calendars }), est(2, '09:30'))).toEqual([
      'time_off: the doctor is off from 09:30 to 10:00',
    ])
  })

  test('time off wins over extra hours', () => {
    const extra = { kind: 'extra' as const, startsAt: est(3, '09:00'), endsAt: est(3, '10:00') }
    const off = { kind: 'off' as const, startsAt: est(3, '09:00'), endsAt: est(3, '09:30') }
    expect(offered(makeFacts({ calendars: [makeCalendar({ exceptions: [extra, off] })] }), '2026-03-03')).toEqual([
      '09:30',
    ])
  })

  test('a closure blocks its whole local days, extra hours included', () => {
    const extra = { kind: 'extra' as const, startsAt: est(2, '22:30'), endsAt: est(4, '01:00') }
    const closures = [{ startsOn: '2026-03-03', endsOn: '2026-03-03' }]
    const facts = makeFacts({ calendars: [makeCalendar({ exceptions: [extra], closures })] })
    expect(offered(facts, '2026-03-02').slice(-3)).toEqual(['22:30', '23:00', '23:30'])
    expect(offered(facts, '2026-03-03')).toEqual([])
    expect(offered(facts, '2026-03-04')).toEqual(['00:00', '00:30'])
    expect(failing(facts, est(3, '12:00'))).toEqual(['closure: the clinic is closed from 00:00 to 2026-03-04 00:00'])
  })
})

describe('notice and horizon', () => {
  test('a start must be in the future, by at least the minimum notice', () => {
    expect(offered(makeFacts({ now: est(2, '09:30') }))).toEqual(['10:00', '10:30'])
    expect(offered(makeFacts({ now: est(2, '08:00'), visit: { minimumNoticeMinutes: 120 } }))).toEqual([
      '10:00',
      '10:30',
    ])
    const facts = makeFacts({ now: est(2, '09:00'), visit: { minimumNoticeMinutes: 120 } })
    expect(failing(facts, est(2, '09:00'))).toEqual([
      'future: does not start in the future',
      'minimum_notice: inside minimum notice of 120 min',
    ])
  })

  test("the horizon counts the clinic's local days and includes the whole last day", () => {
    const facts = (now: number) => makeFacts({ now, visit: { horizonDays: 7, durationMinutes: 120 } })
    expect(offered(facts(est(1, '23:59')), '2026-03-02', '2026-03-31')).toEqual(['02 09:00'])
    expect(offered(facts(est(2, '00:00')), '2026-03-02', '2026-03-31')).toEqual(['02 09:00', '09 09:00'])
    expect(failing(facts(est(1, '23:59')), est(9, '08:00'))).toEqual(['horizon: more than 7 days ahead'])
  })
})

describe('doctor, patient and room', () => {
  const busy = [{ start: est(2, '09:50'), end: est(2, '10:10') }]

  test('a visit and its buffers may touch but not overlap the busy ranges of the doctor', () => {
    const around = [{ start: est(2, '09:30'), end: est(2, '10:00') }]
    expect(offered(makeFacts({ busy: around }))).toEqual(['09:00', '10:00', '10:30'])
    expect(offered(makeFacts({ busy: around, visit: { bufferBeforeMinutes: 5 } }))).toEqual(['09:00', '10:30'])
    expect(offered(makeFacts({ busy: around, visit: { bufferAfterMinutes: 5 } }))).toEqual(['10:00', '10:30'])
    expect(offered(makeFacts({ visit: { bufferBeforeMinutes: 60, bufferAfterMinutes: 60 } }))).toHaveLength(4)
  })

  test('busy ranges may be unsorted, overlapping and empty', () => {
    const messy = [
      { start: est(2, '10:45'), end: est(2, '10:50') },
      { start: est(2, '08:00'), end: est(2, '09:40') },
      { start: est(2, '08:30'), end: est(2, '09:00') },
      { start: est(2, '10:15'), end: est(2, '10:15') },
    ]
    expect(offered(makeFacts({ busy: messy }))).toEqual(['10:00'])
  })

  test('the busy ranges of the patient count without buffers', () => {
    const facts = makeFacts({ alsoBusy: busy, visit: { durationMinutes: 20, bufferAfterMinutes: 30 } })
    expect(offered(facts)).toEqual(['09:00', '09:30', '10:30'])
    expect(failing(facts, est(2, '10:00'))).toEqual(['patient_free: the patient is busy from 09:50 to 10:10'])
  })

  test('a visit that requires a room needs a room that is free with its buffers', () => {
    const rooms = [
      [{ start: est(2, '09:00'), end: est(2, '10:00') }],
      [{ start: est(2, '09:30'), end: est(2, '11:00') }],
    ]
    expect(offered(makeFacts({ calendars: [makeCalendar({ rooms })] }))).toEqual(['09:00', '10:00', '10:30'])
    const buffered = makeFacts({ calendars: [makeCalendar({ rooms })], visit: { bufferBeforeMinutes: 10 } })
    expect(offered(buffered)).toEqual(['09:00', '10:30'])
    expect(failing(buffered, est(2, '10:00'))).toEqual(['room_free: no room of the clinic is free'])
    expect(offered(makeFacts({ calendars: [makeCalendar({ rooms: [] })] }))).toEqual([])
  })

  test('an overlap with a booking and an overlap with its buffer are explained differently', () => {
    const appointment = { start: est(2, '10:00'), end: est(2, '10:30') }
    const booked = [{ start: est(2, '09:50'), end: est(2, '10:40'), appointment }]
    const quarterly = { slotIntervalMinutes: 15, durationMinutes: 15 }
    const facts = makeFacts({ busy: booked, visit: quarterly })
    expect(failing(facts, est(2, '10:15'))).toEqual(['doctor_free: overlaps the 10:00 booking'])
    expect(failing(facts, est(2, '10:30'))).toEqual(['doctor_free: inside the buffer of the 10:00 booking'])
    expect(
      failing(makeFacts({ busy: booked, visit: { ...quarterly, bufferBeforeMinutes: 10 } }), est(2, '10:45')),
    ).toEqual(['doctor_free: its own buffer would run into the 10:00 booking'])
    expect(failing(makeFacts({ busy }), est(2, '10:00'))).toEqual([
      'doctor_free: the doctor is busy from 09:50 to 10:10',
    ])
  })

  test('a busy range of a doctor blocks slots in all clinics and time zones', () => {
    const london = makeCalendar({
      clinicId: 'clinic-b',
      timeZone: 'Europe/London',
      schedules: [{ validFrom: null, validUntil: null, windows: [{ weekday: 1, start: '15:00', end: '16:00' }] }],
    })
    const both = makeFacts({ calendars: [london, makeCalendar()] })
    const starts = bookableStarts(both, { fromDay: MONDAY, untilDay: MONDAY })
    expect(starts.map(({ clinicId }) => clinicId.slice(-1)).join('')).toBe('aaabab')
    expect(offered({ ...both, busy })).toEqual(['09:00', '10:30', '10:30'])
  })

  test('the buffers of two neighbouring visits add up', () => {
    const visit = { ...makeFacts({}).visit, bufferBeforeMinutes: 5, bufferAfterMinutes: 10 }
    const taken = occupiedRange(visit, est(2, '09:00'))
    expect(taken).toEqual({ start: est(2, '08:55'), end: est(2, '09:40') })
    expect(offered(makeFacts({ busy: [taken], visit: { ...visit, slotIntervalMinutes: 15 } }))[0]).toBe('09:45')
  })
})
