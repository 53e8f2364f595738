import { Temporal } from 'temporal-polyfill'
import type { ClinicCalendar, SchedulingFacts } from '../../src/scheduling/slots'

const MINUTE = 60_000

type Minute = { at: number; local: string }
type Candidate = { clinicId: string; start: number; end: number }

/** The bookable starts of whole-minute facts, found by testing every minute. Shares no code with the engine. */
export function startsByBruteForce(facts: SchedulingFacts, fromDay: string, untilDay: string): Candidate[] {
  return facts.calendars
    .flatMap((calendar) =>
      candidates(facts, calendar, fromDay, untilDay).filter((one) => isAllowed(facts, calendar, one)),
    )
    .sort((a, b) => a.start - b.start || a.clinicId.localeCompare(b.clinicId))
}

/** The minutes of the days that are inside a window of the clinic, and neither in a closure nor in time off. */
export function minutesOfRules(calendar: ClinicCalendar, fromDay: string, untilDay: string): Set<number> {
  const minutes = minutesAround(calendar.timeZone, fromDay, untilDay)
  const windows = windowsOf(calendar, minutes, fromDay, untilDay)
  return new Set(
    minutes
      .filter(({ at }) => windows.some((window) => window.start <= at && at < window.end))
      .filter(({ at }) => !isClosed(calendar, at) && !isOff(calendar, at))
      .map(({ at }) => at),
  )
}

/** The local days on which the zone's clocks change in 2026, or new year's day if they never do. */
export function changeDaysOf2026(timeZone: string): string[] {
  const newYear = Temporal.PlainDate.from('2026-01-01').toZonedDateTime(timeZone)
  const first = newYear.getTimeZoneTransition('next')
  const second = first?.getTimeZoneTransition('next')
  const changes = [first, second].filter((moment) => moment !== null && moment !== undefined)
  return (changes.length > 0 ? changes : [newYear]).map((moment) => moment.toPlainDate().toString())
}

function candidates(facts: SchedulingFacts, calendar: ClinicCalendar, fromDay: string, untilDay: string): Candidate[] {
  const { durationMinutes, slotIntervalMinutes } = facts.visit
  const minutes = minutesAround(calendar.timeZone, fromDay, untilDay)
  const starts = new Set<number>()
  for (const window of windowsOf(calendar, minutes, fromDay, untilDay)) {
    const firstAt = new Map<string, number>()
    for (const { at, local } of minutes) {
      if (window.start <= at && at < window.end && !firstAt.has(local)) firstAt.set(local, at)
    }
    const [anchor = ''] = firstAt.keys()
    const highest = [...firstAt.keys()].toSorted().at(-1) ?? ''
    for (let local = anchor; local !== '' && local <= highest; local = plusMinutes(local, slotIntervalMinutes)) {
      const at = firstAt.get(local)
      if (at === undefined || at + durationMinutes * MINUTE > window.end) continue
      if (fromDay <= local.slice(0, 10) && local.slice(0, 10) <= untilDay) starts.add(at)
    }
  }
  return [...starts].map((start) => ({ clinicId: calendar.clinicId, start, end: start + durationMinutes * MINUTE }))
}

function windowsOf(calendar: ClinicCalendar, minutes: Minute[], fromDay: string, untilDay: string) {
  const windows = calendar.exceptions
    .filter(({ kind }) => kind === 'extra')
    .map(({ startsAt, endsAt }) => ({ start: startsAt, end: endsAt }))
  for (let day = Temporal.PlainDate.from(fromDay); day.toString() <= untilDay; day = day.add({ days: 1 })) {
    const dated = calendar.schedules.find(({ validFrom, validUntil }) => {
      if (validFrom === null && validUntil === null) return false
      return (validFrom ?? '0000') <= day.toString() && day.toString() <= (validUntil ?? '9999')
    })
    const schedule = dated ?? calendar.schedules.find((one) => one.validFrom === null && one.validUntil === null)
    for (const { weekday, start, end } of schedule?.windows ?? []) {
      if (weekday !== day.dayOfWeek) continue
      const endText = end === '24:00' ? `${day.add({ days: 1 })}T00:00` : `${day}T${end}`
      windows.push({ start: firstMinuteFrom(minutes, `${day}T${start}`), end: firstMinuteFrom(minutes, endText) })
    }
  }
  return windows
}

/** The first minute with this local time or a later one: its first occurrence, or the end of the gap that skips it. */
function firstMinuteFrom(minutes: Minute[], local: string): number {
  return minutes.find((minute) => minute.local >= local)?.at ?? Number.NaN
}

function isAllowed(facts: SchedulingFacts, calendar: ClinicCalendar, { start, end }: Candidate): boolean {
  const { visit, now } = facts
  if (start <= now || start < now + visit.minimumNoticeMinutes * MINUTE) return false
  const today = zoned(now, calendar.timeZone).toPlainDate()
  if (today.until(zoned(start, calendar.timeZone).toPlainDate()).days > visit.horizonDays) return false

  for (let at = start; at < end; at += MINUTE) {
    if (isClosed(calendar, at) || isOff(calendar, at)) return false
    if (facts.alsoBusy?.some((range) => range.start <= at && at < range.end)) return false
  }
  const occupied: number[] = []
  for (
    let at = start - visit.bufferBeforeMinutes * MINUTE;
    at < end + visit.bufferAfterMinutes * MINUTE;
    at += MINUTE
  ) {
    occupied.push(at)
  }
  const isTaken = (ranges: { start: number; end: number }[]) =>
    occupied.some((at) => ranges.some((range) => range.start <= at && at < range.end))
  return !isTaken(facts.busy) && (!calendar.rooms || calendar.rooms.some((room) => !isTaken(room)))
}

function isClosed(calendar: ClinicCalendar, at: number): boolean {
  if (calendar.closures.length === 0) return false
  const day = localText(at, calendar.timeZone).slice(0, 10)
  return calendar.closures.some(({ startsOn, endsOn }) => startsOn <= day && day <= endsOn)
}

function isOff(calendar: ClinicCalendar, at: number): boolean {
  return calendar.exceptions.some(({ kind, startsAt, endsAt }) => kind === 'off' && startsAt <= at && at < endsAt)
}

/** Every minute of the days and of two days on either side, with its local time. */
function minutesAround(timeZone: string, fromDay: string, untilDay: string): Minute[] {
  const from = Date.parse(`${fromDay}T00:00:00Z`) - 2 * 1440 * MINUTE
  const until = Date.parse(`${untilDay}T00:00:00Z`) + 3 * 1440 * MINUTE
  const minutes: Minute[] = []
  for (let at = from; at < until; at += MINUTE) minutes.push({ at, local: localText(at, timeZone) })
  return minutes
}

const localTexts = new Map<string, Map<number, string>>()

function localText(at: number, timeZone: string): string {
  const texts = localTexts.get(timeZone) ?? new Map<number, string>()
  localTexts.set(timeZone, texts)
  const text = texts.get(at) ?? textOf(zoned(at, timeZone).toPlainDateTime())
  texts.set(at, text)
  return text
}

function zoned(at: number, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone)
}

function plusMinutes(local: string, minutes: number): string {
  return textOf(Temporal.PlainDateTime.from(local).add({ minutes }))
}

function textOf(local: Temporal.PlainDateTime): string {
  return local.toString({ smallestUnit: 'minute' })
}
