import { type ClinicCalendar, closureRanges, exceptionsOf, openWindows } from '../calendar'
import { localDayNumber } from '../local-time'
import { mergeRanges, overlapsAny, type TimeRange } from '../ranges'

/**
 * The visits of a doctor at a clinic that lie in no window, or overlap a closure or time off. Grid, notice and horizon are
 * ignored, since these visits are booked already.
 */
export function outsideHours<Visit extends TimeRange>(calendar: ClinicCalendar, visits: Visit[]): Visit[] {
  const closed = mergeRanges([...closureRanges(calendar), ...exceptionsOf(calendar, 'off')])
  const windows = new Map<number, TimeRange[]>()
  const windowsOn = (day: number) => {
    const known = windows.get(day) ?? openWindows(calendar, day, day)
    windows.set(day, known)
    return known
  }
  const isInsideWindow = ({ start, end }: Visit) =>
    windowsOn(localDayNumber(start, calendar.timeZone)).some((window) => window.start <= start && end <= window.end)
  return visits.filter((visit) => overlapsAny(closed, visit.start, visit.end) || !isInsideWindow(visit))
}
