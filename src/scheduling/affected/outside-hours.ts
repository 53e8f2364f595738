import { type ClinicCalendar, closureRanges, exceptionsOf, openWindows } from '../calendar'
import { localDayNumber } from '../local-time'
import { mergeRanges, overlapsAny, type TimeRange } from '../ranges'

/**
 * Those visits of a doctor at a clinic that could not be booked now for want of hours: no window holds them, or a closure
 * or time off takes a part of them. Grid, notice and horizon do not matter to what is booked already.
 */
export function outsideHours<Visit extends TimeRange>(calendar: ClinicCalendar, visits: Visit[]): Visit[] {
  const shut = mergeRanges([...closureRanges(calendar), ...exceptionsOf(calendar, 'off')])
  const windows = new Map<number, TimeRange[]>()
  const windowsOn = (day: number) => {
    const known = windows.get(day) ?? openWindows(calendar, day, day)
    windows.set(day, known)
    return known
  }
  const isHeld = ({ start, end }: Visit) =>
    windowsOn(localDayNumber(start, calendar.timeZone)).some((window) => window.start <= start && end <= window.end)
  return visits.filter((visit) => overlapsAny(shut, visit.start, visit.end) || !isHeld(visit))
}
