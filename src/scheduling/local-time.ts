import { Temporal } from 'temporal-polyfill'

export const MINUTE = 60_000
export const DAY = 86_400_000

// No zone has ever been further from UTC than this (Manila until 1844: -15:56).
const FARTHEST_OFFSET = 16 * 60 * MINUTE
const SPANS_KEPT_PER_ZONE = 64

/**
 * A span of time during which a zone keeps one offset: [from, until), all in ms.
 * A "wall" number is the time on a local clock, written as if that clock were UTC: wall = instant + offset.
 */
export type OffsetSpan = { from: number; until: number; offset: number }

// Some forty years of days, and a hundred days of instants, one every five minutes.
const DAYS_KEPT = 15_000
const INSTANTS_KEPT = 30_000
const OFFSETS_KEPT = 50

const TWO_DIGITS = Array.from({ length: 60 }, (_, i) => String(i).padStart(2, '0'))
/** HH:mm of every minute of a day. */
const CLOCK = Array.from({ length: 1440 }, (_, i) => `${TWO_DIGITS[Math.floor(i / 60)]}:${TWO_DIGITS[i % 60]}`)

const spansByZone = new Map<string, OffsetSpan[]>()

/** The span of constant offset around an instant; throws RangeError on an unknown zone or an impossible instant. */
export function offsetSpanAt(instant: number, timeZone: string): OffsetSpan {
  const known = spansByZone.get(timeZone) ?? []
  for (const span of known) if (span.from <= instant && instant < span.until) return span

  const span = readOffsetSpan(instant, timeZone)
  if (known.length === SPANS_KEPT_PER_ZONE) known.shift()
  known.push(span)
  spansByZone.set(timeZone, known)
  return span
}

function readOffsetSpan(instant: number, timeZone: string): OffsetSpan {
  const at = Temporal.Instant.fromEpochMilliseconds(Math.floor(instant)).toZonedDateTimeISO(timeZone)
  const began = at.add({ milliseconds: 1 }).getTimeZoneTransition('previous')
  const ends = at.getTimeZoneTransition('next')
  return {
    from: began?.epochMilliseconds ?? Number.NEGATIVE_INFINITY,
    until: ends?.epochMilliseconds ?? Number.POSITIVE_INFINITY,
    offset: at.offsetNanoseconds / 1_000_000,
  }
}

/** The wall number of an instant. */
export function wallAt(instant: number, timeZone: string): number {
  return instant + offsetSpanAt(instant, timeZone).offset
}

/** The instant of a wall number: the first of two when it occurs twice, the end of the gap when the clocks skip it. */
export function instantOfWall(wall: number, timeZone: string): number {
  let span = offsetSpanAt(wall - FARTHEST_OFFSET, timeZone)
  while (wall - span.offset >= span.until) span = offsetSpanAt(span.until, timeZone)
  return Math.max(wall - span.offset, span.from)
}

/** Days since 1970-01-01 of a calendar day YYYY-MM-DD. */
export function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / DAY
}

/** The calendar day YYYY-MM-DD of a number of days since 1970-01-01. */
export const dayOfNumber = remembered(DAYS_KEPT, (days: number) => new Date(days * DAY).toISOString().slice(0, 10))

/** The local day of an instant, as days since 1970-01-01. */
export function localDayNumber(instant: number, timeZone: string): number {
  return Math.floor(wallAt(instant, timeZone) / DAY)
}

/** ISO weekday, 1 (Monday) to 7, of a number of days since 1970-01-01 (a Thursday). */
export function isoWeekday(days: number): number {
  return ((((days + 3) % 7) + 7) % 7) + 1
}

/** Minutes since midnight of HH:mm, 00:00 to 24:00. */
export function minutesOfDay(time: string): number {
  return Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5))
}

/** The calendar day `count` days after (or, negative, before) a day YYYY-MM-DD. */
export function addDays(day: string, count: number): string {
  return dayOfNumber(dayNumber(day) + count)
}

/** The zone's calendar day of an instant (epoch ms), as YYYY-MM-DD. */
export function localDay(instant: number, timeZone: string): string {
  return dayOfNumber(localDayNumber(instant, timeZone))
}

/** The zone's wall time of an instant (epoch ms), as HH:mm. */
export function localWallTime(instant: number, timeZone: string): string {
  return isoOfWall(wallAt(instant, timeZone)).slice(11, 16)
}

/** An instant (epoch ms) in the zone's own time and offset, such as 2026-03-02T09:00:00-05:00. */
export function localStart(instant: number, timeZone: string): string {
  return startsWithOffset(offsetSpanAt(instant, timeZone).offset)(instant)
}

const startsWithOffset = remembered(OFFSETS_KEPT, (offset: number) => {
  const suffix = (offset < 0 ? '-' : '+') + isoOfWall(Math.abs(offset)).slice(11, 16)
  return remembered(INSTANTS_KEPT, (instant: number) => isoOfWall(instant + offset) + suffix)
})

/** An instant (epoch ms) in UTC, such as 2026-03-02T14:00:00Z. */
export const utcOf = remembered(INSTANTS_KEPT, (instant: number) => `${isoOfWall(instant)}Z`)

/** Caches results, since searches write the same times again and again; starts anew once it has `limit` keys. */
export function remembered<K, T>(limit: number, make: (key: K) => T): (key: K) => T {
  const known = new Map<K, T>()
  return (key) => {
    let made = known.get(key)
    if (made === undefined) {
      made = make(key)
      if (known.size === limit) known.clear()
      known.set(key, made)
    }
    return made
  }
}

/** The first instant of a local day and of the next: 23, 24 or 25 hours apart, 0 for a day that the zone skips. */
export function dayBounds(day: string, timeZone: string): { start: number; end: number } {
  const wall = dayNumber(day) * DAY
  return { start: instantOfWall(wall, timeZone), end: instantOfWall(wall + DAY, timeZone) }
}

/** The instant (epoch ms) of HH:mm, or 24:00, on a local day; see instantOfWall for times that occur twice or never. */
export function instantAt(day: string, time: string, timeZone: string): number {
  return instantOfWall(dayNumber(day) * DAY + minutesOfDay(time) * MINUTE, timeZone)
}

/** Whether this is an IANA zone name that this runtime knows; an offset such as +01:00 is no zone name. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}

/** YYYY-MM-DDTHH:mm:ss of a wall number. */
export function isoOfWall(wall: number): string {
  const day = Math.floor(wall / DAY)
  const seconds = Math.floor((wall - day * DAY) / 1000)
  return `${dayOfNumber(day)}T${CLOCK[Math.floor(seconds / 60)]}:${TWO_DIGITS[seconds % 60]}`
}
