import type { WeeklyWindow } from '../../scheduling/calendar'

type WeeklyProblem = { index: number; field: 'start' | 'end'; message: string }

/** Windows that end before they start or overlap on a weekday; they may touch. `index` is the position in `weekly`. */
export function findWeeklyProblems(weekly: WeeklyWindow[]): WeeklyProblem[] {
  const problems: WeeklyProblem[] = []
  const inOrder = weekly
    .map((window, index) => ({ ...window, index }))
    .sort((a, b) => a.weekday - b.weekday || (a.start < b.start ? -1 : a.start > b.start ? 1 : a.index - b.index))

  let latest: (typeof inOrder)[number] | undefined
  for (const window of inOrder) {
    if (window.end <= window.start) {
      problems.push({ index: window.index, field: 'end', message: 'must be after start' })
      continue
    }
    if (latest?.weekday === window.weekday && window.start < latest.end)
      problems.push({ index: window.index, field: 'start', message: `overlaps weekly.${latest.index}` })
    if (latest?.weekday !== window.weekday || latest.end < window.end) latest = window
  }
  return problems
}
