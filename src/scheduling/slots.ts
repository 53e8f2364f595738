import { type ClinicCalendar, gridStarts, openWindows } from './calendar'
import { DAY, dayNumber, dayOfNumber, localDayNumber, MINUTE, wallAt } from './local-time'
import { outsideOf, overlapsAny, type TimeRange } from './ranges'
import {
  clinicChecks,
  commonChecks,
  RULES,
  type RuleResult,
  type SchedulingFacts,
  timeInWords,
  type VisitRules,
} from './rules'

export type { ClinicCalendar, ClosedDays, Exception, WeeklyWindow, WeekSchedule } from './calendar'
export type { BusyRange, Rule, RuleResult, SchedulingFacts, VisitRules } from './rules'
export { occupiedRange } from './rules'

export type BookableStart = { clinicId: string; start: number; end: number }

/**
 * Every bookable start of a doctor on the given local days of each clinic (both inclusive; a visit belongs to the day of
 * its local start), by start, then clinic. Pure. With `explainStart` the only judge of what can be booked.
 */
export function bookableStarts(facts: SchedulingFacts, range: { fromDay: string; untilDay: string }): BookableStart[] {
  const duration = facts.visit.durationMinutes * MINUTE
  const common = commonChecks(facts)
  const fromDay = dayNumber(range.fromDay)
  const untilDay = dayNumber(range.untilDay)

  const found = facts.calendars.flatMap((calendar) => {
    const checks = [...common, ...clinicChecks(facts, calendar)]
    const starts = checks.reduce(
      (left, { forbids }) => outsideOf(forbids, left),
      startsOnGrid(facts.visit, calendar, fromDay, untilDay),
    )
    return starts.map((start) => ({ clinicId: calendar.clinicId, start, end: start + duration }))
  })
  return facts.calendars.length > 1 ? found.sort(byStartThenClinic) : found
}

/** The grid of a clinic on the given local days, ascending, each start once. */
function startsOnGrid(
  visit: VisitRules,
  calendar: ClinicCalendar,
  fromDay: number,
  untilDay: number,
): readonly number[] {
  const { lastGrid } = calendar
  if (lastGrid?.fromDay === fromDay && lastGrid.untilDay === untilDay) return lastGrid.starts
  const starts = makeGrid(visit, calendar, fromDay, untilDay)
  if (lastGrid) Object.assign(lastGrid, { fromDay, untilDay, starts })
  return starts
}

function makeGrid(visit: VisitRules, calendar: ClinicCalendar, fromDay: number, untilDay: number): number[] {
  const grid = gridOf(visit, calendar)
  const starts = openWindows(calendar, fromDay, untilDay).flatMap((window) =>
    gridStarts(window, grid, fromDay * DAY, (untilDay + 1) * DAY),
  )
  const areAscending = starts.every((start, i) => i === 0 || starts[i - 1]! < start)
  return areAscending ? starts : [...new Set(starts)].sort((a, b) => a - b)
}

function gridOf(visit: VisitRules, { timeZone }: ClinicCalendar) {
  return { step: visit.slotIntervalMinutes * MINUTE, duration: visit.durationMinutes * MINUTE, timeZone }
}

/** The order of slots of one doctor. */
export function byStartThenClinic(a: BookableStart, b: BookableStart): number {
  return a.start - b.start || (a.clinicId < b.clinicId ? -1 : a.clinicId > b.clinicId ? 1 : 0)
}

/**
 * Every rule's result for one start at one clinic, in words with the clinic's local times. All pass exactly when
 * `bookableStarts` has that start. Outside the hours there is no grid, so only `hours` fails there.
 */
export function explainStart(facts: SchedulingFacts, start: number, clinicId: string): RuleResult[] {
  const calendar = facts.calendars.find((calendar) => calendar.clinicId === clinicId)
  if (!calendar) return [{ rule: 'hours', pass: false, detail: 'the doctor does not work at this clinic' }]

  const visit = { start, end: start + facts.visit.durationMinutes * MINUTE }
  const checked = [...commonChecks(facts), ...clinicChecks(facts, calendar)].map((check) => ({
    rule: check.rule,
    pass: !overlapsAny(check.forbids, start, start + 1),
    detail: check.detail(visit, calendar.timeZone),
  }))
  return [...checked, ...explainHours(facts.visit, calendar, visit)].sort(
    (a, b) => RULES.indexOf(a.rule) - RULES.indexOf(b.rule),
  )
}

/** The clinics whose hours hold a visit that starts then, even if they are closed or the doctor is busy. */
export const clinicsWithHours = <Clinic extends { id: string }>(
  { clinics, scheduling }: { clinics: Clinic[]; scheduling: SchedulingFacts },
  start: number,
): Clinic[] =>
  clinics.filter(({ id }) => explainStart(scheduling, start, id).some(({ rule, pass }) => rule === 'hours' && pass))

function explainHours(rules: VisitRules, calendar: ClinicCalendar, visit: TimeRange): RuleResult[] {
  const day = localDayNumber(visit.start, calendar.timeZone)
  const windows = openWindows(calendar, day, day)
  const around = windows.filter((window) => window.start <= visit.start && visit.end <= window.end)
  if (around.length === 0) {
    return [
      {
        rule: 'hours',
        pass: false,
        detail: `outside the doctor's hours: ${hoursOfDayInWords(windows, day, calendar)}`,
      },
      { rule: 'grid', pass: true, detail: 'outside the hours no grid applies' },
    ]
  }

  return [
    { rule: 'hours', pass: true, detail: "inside the doctor's hours" },
    explainGrid(rules, calendar, around, visit.start),
  ]
}

function explainGrid(rules: VisitRules, calendar: ClinicCalendar, windows: TimeRange[], start: number): RuleResult {
  const wall = wallAt(start, calendar.timeZone)
  const starts = windows.flatMap((window) => gridStarts(window, gridOf(rules, calendar), wall, wall + 1))
  const anchors = windows.map((window) => timeInWords(window.start, start, calendar.timeZone)).join(' and ')
  const steps = `the steps of ${rules.slotIntervalMinutes} min from ${anchors}`
  if (starts.includes(start)) return { rule: 'grid', pass: true, detail: `lies on ${steps}` }
  if (starts.length === 0) return { rule: 'grid', pass: false, detail: `does not lie on ${steps}` }
  return {
    rule: 'grid',
    pass: false,
    detail: 'the clocks go back: only the first of two equal local times is bookable',
  }
}

function hoursOfDayInWords(windows: TimeRange[], day: number, { timeZone }: ClinicCalendar): string {
  const onDay = windows.filter(({ start, end }) => start < end && touchesDay(start, end, day, timeZone))
  if (onDay.length === 0) return `none on ${dayOfNumber(day)}`
  return onDay
    .map(({ start, end }) => `${timeInWords(start, start, timeZone)}–${timeInWords(end, start, timeZone)}`)
    .join(', ')
}

function touchesDay(start: number, end: number, day: number, timeZone: string): boolean {
  return localDayNumber(start, timeZone) <= day && day <= localDayNumber(end - 1, timeZone)
}
