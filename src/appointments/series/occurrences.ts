import { DAY, instantOfWall, wallAt } from '../../scheduling/local-time'

/** `count` visits, one every `weeks` weeks. */
export type Rhythm = { weeks: number; count: number }

/** `exists` is false where the clocks skip that local time on that day; `start` is then the end of the gap. Epoch ms. */
export type Occurrence = { start: number; exists: boolean }

/**
 * The starts of a series: the local time of the first start on each day, whatever the clocks do between them. The first
 * start stays as requested; for the others, a local time that occurs twice means its first occurrence.
 */
export function weeklyOccurrences(first: number, timeZone: string, { weeks, count }: Rhythm): Occurrence[] {
  const firstWall = wallAt(first, timeZone)
  const later = Array.from({ length: count - 1 }, (_, i) => {
    const wall = firstWall + (i + 1) * weeks * 7 * DAY
    const start = instantOfWall(wall, timeZone)
    return { start, exists: wallAt(start, timeZone) === wall }
  })
  return [{ start: first, exists: true }, ...later]
}

/** No occurrence starts after this instant (epoch ms), in any zone. */
export const endOfSeries = (first: number, { weeks, count }: Rhythm): number =>
  first + ((count - 1) * weeks * 7 + 1) * DAY
