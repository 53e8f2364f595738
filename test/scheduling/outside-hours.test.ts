import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { outsideHours } from '../../src/scheduling/affected/outside-hours'
import { DAY, MINUTE } from '../../src/scheduling/local-time'
import { type ClinicCalendar, explainStart, type VisitRules } from '../../src/scheduling/slots'

const CASES = process.env.TEST_SCALE === 'full' ? 5_000 : 300
const ZONES = ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'America/Santiago']
const HOUR = 60 * MINUTE
const MARCH = Date.UTC(2026, 2, 6)
const DAYS = ['2026-03-06', '2026-03-07', '2026-03-08', '2026-03-09']

const visit = (start: number, minutes = 30) => ({ start, end: start + minutes * MINUTE })
const at = (time: string) => Date.parse(`2026-03-07T${time}:00-05:00`)
const calendar = (parts: Partial<ClinicCalendar>): ClinicCalendar => ({
  clinicId: 'c',
  timeZone: 'America/New_York',
  schedules: [{ validFrom: null, validUntil: null, windows: [{ weekday: 6, start: '09:00', end: '12:00' }] }],
  exceptions: [],
  closures: [],
  ...parts,
})

describe('visits outside the hours', () => {
  test('a visit is outside the hours when no single window contains it from start to end', () => {
    const within = [visit(at('09:00')), visit(at('09:07')), visit(at('11:30'))]
    const outside = [visit(at('08:45')), visit(at('11:31')), visit(at('09:00'), 181), visit(at('09:00') + DAY)]
    expect(outsideHours(calendar({}), [...within, ...outside])).toEqual(outside)
    const windows = [
      { weekday: 6, start: '09:00', end: '10:00' },
      { weekday: 6, start: '10:00', end: '12:00' },
    ]
    const touching = calendar({ schedules: [{ validFrom: null, validUntil: null, windows }] })
    expect(outsideHours(touching, [visit(at('09:45')), visit(at('10:00'))])).toEqual([visit(at('09:45'))])
  })

  test('a visit is outside the hours when it overlaps time off or a closure, not when it only touches it', () => {
    const off = { kind: 'off' as const, startsAt: at('10:00'), endsAt: at('10:30') }
    const visits = [visit(at('09:30')), visit(at('09:31')), visit(at('10:30'))]
    expect(outsideHours(calendar({ exceptions: [off] }), visits)).toEqual([visits[1]!])
    const closed = calendar({ closures: [{ startsOn: '2026-03-07', endsOn: '2026-03-07' }] })
    expect(outsideHours(closed, visits)).toEqual(visits)
  })

  test('a visit is outside the hours exactly when the slot engine reports hours, closure or time off for it', () => {
    const wallTime = fc.integer({ min: 0, max: 24 }).map((hour) => `${String(hour).padStart(2, '0')}:00`)
    const window = fc
      .record({ weekday: fc.integer({ min: 1, max: 7 }), start: wallTime, end: wallTime })
      .filter(({ start, end }) => start < end)
    const weekly = fc.array(window, { maxLength: 6 })
    const instant = fc.integer({ min: 0, max: 4 * 24 * 4 }).map((quarter) => MARCH + quarter * 15 * MINUTE)
    const exception = fc.record({
      kind: fc.constantFrom('off' as const, 'extra' as const),
      startsAt: instant,
      hours: fc.integer({ min: 1, max: 30 }),
    })
    const calendars = fc.record({
      clinicId: fc.constant('c'),
      timeZone: fc.constantFrom(...ZONES),
      schedules: fc
        .tuple(weekly, fc.option(weekly))
        .map(([standing, dated]) => [
          { validFrom: null, validUntil: null, windows: standing },
          ...(dated ? [{ validFrom: DAYS[1]!, validUntil: DAYS[2]!, windows: dated }] : []),
        ]),
      exceptions: fc
        .array(exception, { maxLength: 3 })
        .map((all) => all.map(({ kind, startsAt, hours }) => ({ kind, startsAt, endsAt: startsAt + hours * HOUR }))),
      closures: fc
        .array(fc.constantFrom(...DAYS), { maxLength: 1 })
        .map((days) => days.map((day) => ({ startsOn: day, endsOn: day }))),
    })
    fc.assert(
      fc.property(
        calendars,
        fc.array(instant, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 5, max: 120 }),
        (given, starts, durationMinutes) => {
          const visits = starts.map((start) => visit(start, durationMinutes))
          const expected = visits.filter(({ start }) => !isFit(given, start, durationMinutes))
          expect(outsideHours(given, visits)).toEqual(expected)
        },
      ),
      { numRuns: CASES },
    )
  })
})

function isFit(calendar: ClinicCalendar, start: number, durationMinutes: number): boolean {
  const rules: VisitRules = {
    durationMinutes,
    slotIntervalMinutes: 5,
    bufferBeforeMinutes: 0,
    bufferAfterMinutes: 0,
    minimumNoticeMinutes: 0,
    horizonDays: 90,
  }
  const verdicts = explainStart({ visit: rules, calendars: [calendar], busy: [], now: 0 }, start, 'c')
  return verdicts.every(({ rule, pass }) => pass || !['hours', 'closure', 'time_off'].includes(rule))
}
