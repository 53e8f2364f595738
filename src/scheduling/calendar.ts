import {
  DAY,
  dayBounds,
  dayNumber,
  instantOfWall,
  isoWeekday,
  MINUTE,
  minutesOfDay,
  offsetSpanAt,
  wallAt,
} from './local-time'
import type { TimeRange } from './ranges'

/** Hours on one ISO weekday (1 Monday to 7) in wall time: HH:mm, the end up to 24:00. */
export type WeeklyWindow = { weekday: number; start: string; end: string }

/** From a row of `schedule_windows`, whose times are HH:mm:ss. */
export const readWindow = (row: { weekday: number; startTime: string; endTime: string }): WeeklyWindow => ({
  weekday: row.weekday,
  start: row.startTime.slice(0, 5),
  end: row.endTime.slice(0, 5),
})

/** Both dates null: the standing week. Otherwise a dated schedule, which replaces that week on its local days, inclusive. */
export type WeekSchedule = { validFrom: string | null; validUntil: string | null; windows: WeeklyWindow[] }

/** Time off or extra hours, between two instants (epoch ms). Time off wins over extra hours. */
export type Exception = { kind: 'off' | 'extra'; startsAt: number; endsAt: number }

/** Local days, both inclusive, on which the clinic is closed. */
export type ClosedDays = { startsOn: string; endsOn: string }

/** One doctor's calendar at one clinic. */
export type ClinicCalendar = {
  clinicId: string
  timeZone: string
  schedules: WeekSchedule[]
  exceptions: Exception[]
  closures: ClosedDays[]
  /** The busy ranges of each room of the clinic; left out when the visit needs no room. */
  rooms?: TimeRange[][]
  /** Of a cached calendar: the grid of its visit type for the days that were searched last. */
  lastGrid?: { fromDay?: number; untilDay?: number; starts: readonly number[] }
}

/**
 * The windows in which visits may lie: those of the given local days (days since 1970-01-01, both inclusive), then all extra
 * hours. Each has its own grid. Closures and time off are not removed.
 */
export function openWindows(calendar: ClinicCalendar, fromDay: number, untilDay: number): TimeRange[] {
  const { timeZone } = calendar
  const standing = weekOf(calendar.schedules.find((schedule) => !isDated(schedule)))
  const dated = calendar.schedules.filter(isDated).map((schedule) => ({
    from: schedule.validFrom === null ? Number.NEGATIVE_INFINITY : dayNumber(schedule.validFrom),
    until: schedule.validUntil === null ? Number.POSITIVE_INFINITY : dayNumber(schedule.validUntil),
    week: weekOf(schedule),
  }))
  const windows: TimeRange[] = []
  for (let day = fromDay; day <= untilDay; day++) {
    const { week } = dated.find(({ from, until }) => from <= day && day <= until) ?? { week: standing }
    for (const { start, end } of week[isoWeekday(day)] ?? []) {
      windows.push({
        start: instantOfWall(day * DAY + start, timeZone),
        end: instantOfWall(day * DAY + end, timeZone),
      })
    }
  }
  return [...windows, ...exceptionsOf(calendar, 'extra')]
}

/** The windows of each weekday, as ms of wall time since midnight. */
function weekOf(schedule: WeekSchedule | undefined): TimeRange[][] {
  const week: TimeRange[][] = []
  for (const { weekday, start, end } of schedule?.windows ?? []) {
    week[weekday] ??= []
    week[weekday].push({ start: minutesOfDay(start) * MINUTE, end: minutesOfDay(end) * MINUTE })
  }
  return week
}

function isDated({ validFrom, validUntil }: WeekSchedule): boolean {
  return validFrom !== null || validUntil !== null
}

/** The doctor's time off or extra hours as ranges. */
export function exceptionsOf(calendar: ClinicCalendar, kind: Exception['kind']): TimeRange[] {
  return calendar.exceptions
    .filter((exception) => exception.kind === kind)
    .map(({ startsAt, endsAt }) => ({ start: startsAt, end: endsAt }))
}

/** The clinic's closures as ranges, from the first instant of their first day to that of the day after the last. */
export function closureRanges({ closures, timeZone }: ClinicCalendar): TimeRange[] {
  return closures.map(({ startsOn, endsOn }) => ({
    start: dayBounds(startsOn, timeZone).start,
    end: dayBounds(endsOn, timeZone).end,
  }))
}

/**
 * The starts of a window's grid whose wall number lies in [fromWall, untilWall) and which leave room for `duration` ms
 * of elapsed time, ascending. Steps are taken in wall time from the window's start: a wall time that the clocks skip is left
 * out, and a repeated one is offered once, at its first occurrence in the window.
 */
export function gridStarts(
  window: TimeRange,
  grid: { step: number; duration: number; timeZone: string },
  fromWall: number,
  untilWall: number,
): number[] {
  const { step, duration, timeZone } = grid
  if (!(step > 0 && duration > 0)) throw new RangeError('The slot interval and the duration must be above zero')

  const starts: number[] = []
  const lastStart = window.end - duration
  const anchor = wallAt(window.start, timeZone)
  const nextOnGrid = (wall: number) => anchor + Math.ceil((wall - anchor) / step) * step

  let unseen = anchor
  for (let begin = window.start; begin <= lastStart; ) {
    const { offset, until } = offsetSpanAt(begin, timeZone)
    const beyond = Math.min(until, lastStart + 1) + offset
    const first = Math.max(unseen, nextOnGrid(Math.max(begin + offset, fromWall)))
    for (let wall = first; wall < Math.min(beyond, untilWall); wall += step) starts.push(wall - offset)
    unseen = Math.max(unseen, nextOnGrid(beyond))
    begin = until
  }
  return starts
}
