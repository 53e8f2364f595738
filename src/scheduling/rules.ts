import { type ClinicCalendar, closureRanges, exceptionsOf } from './calendar'
import { DAY, instantOfWall, localDay, localDayNumber, localWallTime, MINUTE } from './local-time'
import { intersectRanges, isNotEmpty, mergeRanges, overlap, type TimeRange } from './ranges'

/**
 * A busy range, half open: of a doctor in any clinic or of a room, with the buffers of its visit, or of a patient.
 * `appointment` is the visit without its buffers; it only makes explanations clearer.
 */
export type BusyRange = TimeRange & { appointment?: TimeRange }

/** The rules of a visit type; the horizon counts the clinic's local days after today. */
export type VisitRules = {
  durationMinutes: number
  slotIntervalMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  minimumNoticeMinutes: number
  horizonDays: number
}

/** The booking facts of one doctor as the engine takes them. Instants are epoch ms. */
export type SchedulingFacts = {
  visit: VisitRules
  calendars: ClinicCalendar[]
  /** The doctor's busy ranges, in any clinic. */
  busy: BusyRange[]
  /** The patient's busy ranges; compared with the visit without buffers, which only doctor and room have. */
  alsoBusy?: BusyRange[]
  now: number
}

/** The rules in the order in which an explanation lists them. */
export const RULES = [
  'future',
  'hours',
  'grid',
  'closure',
  'time_off',
  'minimum_notice',
  'horizon',
  'doctor_free',
  'patient_free',
  'room_free',
] as const

export type Rule = (typeof RULES)[number]
export type RuleResult = { rule: Rule; pass: boolean; detail: string }

/**
 * One rule: the starts that it forbids, as merged ranges of whole ms, and its result for a visit [start, end) in words.
 * Slots are the starts of the grid that no rule forbids.
 */
export type Check = {
  rule: Rule
  forbids: TimeRange[]
  detail(visit: TimeRange, timeZone: string): string
}

const EVER: TimeRange = { start: Number.NEGATIVE_INFINITY, end: Number.POSITIVE_INFINITY }
const until = (instant: number): TimeRange[] => [{ start: EVER.start, end: instant }]
const since = (instant: number): TimeRange[] => [{ start: instant, end: EVER.end }]

/** The starts for which [start - before, start + length) overlaps one of the ranges. */
const startsMeeting = (ranges: readonly TimeRange[], length: number, before = 0): TimeRange[] =>
  mergeRanges(ranges.filter(isNotEmpty).map(({ start, end }) => ({ start: start - length + 1, end: end + before })))

/** The busy range of a visit for its doctor and room, buffers included. */
export function occupiedRange(visit: VisitRules, start: number): TimeRange {
  const end = start + visit.durationMinutes * MINUTE
  return { start: start - visit.bufferBeforeMinutes * MINUTE, end: end + visit.bufferAfterMinutes * MINUTE }
}

/** The rules that are the same in all clinics. */
export function commonChecks({ visit, busy, alsoBusy = [], now }: SchedulingFacts): Check[] {
  const notice = visit.minimumNoticeMinutes
  const duration = visit.durationMinutes * MINUTE
  const before = visit.bufferBeforeMinutes * MINUTE
  const after = visit.bufferAfterMinutes * MINUTE
  return [
    {
      rule: 'future',
      forbids: until(now + 1),
      detail: ({ start }) => (start > now ? 'starts in the future' : 'does not start in the future'),
    },
    {
      rule: 'minimum_notice',
      forbids: until(now + notice * MINUTE),
      detail: ({ start }) =>
        start >= now + notice * MINUTE
          ? `keeps minimum notice of ${notice} min`
          : `inside minimum notice of ${notice} min`,
    },
    {
      rule: 'doctor_free',
      forbids: startsMeeting(busy, duration + after, before),
      detail: ({ start, end }, timeZone) => {
        const clash = firstOverlap(busy, { start: start - before, end: end + after })
        return clash ? clashInWords(clash, { start, end }, timeZone) : 'the doctor is free'
      },
    },
    {
      rule: 'patient_free',
      forbids: startsMeeting(alsoBusy, duration),
      detail: (range, timeZone) => {
        const clash = firstOverlap(alsoBusy, range)
        return clash ? `the patient is busy ${rangeInWords(clash, range.start, timeZone)}` : 'the patient is free'
      },
    },
  ]
}

/** The rules of one clinic except hours and grid, which follow from its windows. */
export function clinicChecks({ visit, now }: SchedulingFacts, calendar: ClinicCalendar): Check[] {
  const closures = closureRanges(calendar)
  const off = exceptionsOf(calendar, 'off')
  const duration = visit.durationMinutes * MINUTE
  const lastDay = localDayNumber(now, calendar.timeZone) + visit.horizonDays
  const beyondHorizon = instantOfWall((lastDay + 1) * DAY, calendar.timeZone)
  const checks: Check[] = [
    {
      rule: 'closure',
      forbids: startsMeeting(closures, duration),
      detail: (range, timeZone) => {
        const clash = firstOverlap(closures, range)
        return clash ? `the clinic is closed ${rangeInWords(clash, range.start, timeZone)}` : 'the clinic is open'
      },
    },
    {
      rule: 'time_off',
      forbids: startsMeeting(off, duration),
      detail: (range, timeZone) => {
        const clash = firstOverlap(off, range)
        return clash
          ? `the doctor is off ${rangeInWords(clash, range.start, timeZone)}`
          : 'the doctor has no time off then'
      },
    },
    {
      rule: 'horizon',
      forbids: since(beyondHorizon),
      detail: ({ start }) =>
        start < beyondHorizon ? `within ${visit.horizonDays} days` : `more than ${visit.horizonDays} days ahead`,
    },
  ]
  return calendar.rooms ? [...checks, roomCheck(visit, calendar.rooms)] : checks
}

function roomCheck(visit: VisitRules, rooms: TimeRange[][]): Check {
  const before = visit.bufferBeforeMinutes * MINUTE
  const afterStart = (visit.durationMinutes + visit.bufferAfterMinutes) * MINUTE
  const forbids = rooms
    .map((busy) => startsMeeting(busy, afterStart, before))
    .reduce((inAll, ofRoom) => intersectRanges(inAll, ofRoom), [EVER])
  return {
    rule: 'room_free',
    forbids,
    detail: ({ start }) =>
      forbids.some((range) => range.start <= start && start < range.end)
        ? 'no room of the clinic is free'
        : 'a room is free',
  }
}

/** HH:mm of an instant, with its day if that is not the day of `near`. */
export function timeInWords(instant: number, near: number, timeZone: string): string {
  const day = localDay(instant, timeZone)
  const time = localWallTime(instant, timeZone)
  return day === localDay(near, timeZone) ? time : `${day} ${time}`
}

function rangeInWords({ start, end }: TimeRange, near: number, timeZone: string): string {
  return `from ${timeInWords(start, near, timeZone)} to ${timeInWords(end, near, timeZone)}`
}

function clashInWords(clash: BusyRange, visit: TimeRange, timeZone: string): string {
  const { appointment } = clash
  const name = appointment && `the ${timeInWords(appointment.start, visit.start, timeZone)} booking`
  if (!overlap(clash, visit)) return `its own buffer would run into ${name ?? 'another booking'}`
  if (name && !overlap(appointment, visit)) return `inside the buffer of ${name}`
  return name ? `overlaps ${name}` : `the doctor is busy ${rangeInWords(clash, visit.start, timeZone)}`
}

function firstOverlap<Range extends TimeRange>(ranges: Range[], wanted: TimeRange): Range | undefined {
  return ranges.find((range) => range.start < range.end && overlap(range, wanted))
}
