import { type ClinicCalendar, closureRanges, exceptionsOf } from './calendar'
import { DAY, instantOfWall, localDay, localDayNumber, localWallTime, MINUTE } from './local-time'
import { mergeRanges, overlap, overlapsAny, type TimeRange } from './ranges'

/**
 * Time that is taken, half open: of a doctor in any clinic with the neighbours' own buffers, of a patient, or of a room.
 * `appointment` is the visit without its buffers; it only makes explanations clearer.
 */
export type BusyRange = TimeRange & { appointment?: TimeRange }

/** What a visit type asks of its times; the horizon counts the clinic's local days after today. */
export type VisitRules = {
  durationMinutes: number
  slotIntervalMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  minimumNoticeMinutes: number
  horizonDays: number
}

/** Everything that decides when one doctor can be booked. Instants are epoch ms. */
export type SchedulingFacts = {
  visit: VisitRules
  calendars: ClinicCalendar[]
  /** The doctor's, in whatever clinic. */
  busy: BusyRange[]
  /** The patient's; compared to the visit itself, since buffers are the doctor's and the room's. */
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

/** One rule, ready to be asked about many visits [start, end); `detail` says its verdict in words. */
export type Check = {
  rule: Rule
  allows(start: number, end: number): boolean
  detail(visit: TimeRange, timeZone: string): string
}

/** The range that a visit takes of its doctor and room, buffers included. */
export function occupiedRange(visit: VisitRules, start: number): TimeRange {
  const end = start + visit.durationMinutes * MINUTE
  return { start: start - visit.bufferBeforeMinutes * MINUTE, end: end + visit.bufferAfterMinutes * MINUTE }
}

/** The rules that are the same in all clinics. */
export function commonChecks({ visit, busy, alsoBusy = [], now }: SchedulingFacts): Check[] {
  const notice = visit.minimumNoticeMinutes
  const before = visit.bufferBeforeMinutes * MINUTE
  const after = visit.bufferAfterMinutes * MINUTE
  const doctorTaken = mergeRanges(busy)
  const patientTaken = mergeRanges(alsoBusy)
  return [
    {
      rule: 'future',
      allows: (start) => start > now,
      detail: ({ start }) => (start > now ? 'starts in the future' : 'does not start in the future'),
    },
    {
      rule: 'minimum_notice',
      allows: (start) => start >= now + notice * MINUTE,
      detail: ({ start }) =>
        start >= now + notice * MINUTE
          ? `keeps minimum notice of ${notice} min`
          : `inside minimum notice of ${notice} min`,
    },
    {
      rule: 'doctor_free',
      allows: (start, end) => !overlapsAny(doctorTaken, start - before, end + after),
      detail: ({ start, end }, timeZone) => {
        const clash = firstOverlap(busy, { start: start - before, end: end + after })
        return clash ? clashInWords(clash, { start, end }, timeZone) : 'the doctor is free'
      },
    },
    {
      rule: 'patient_free',
      allows: (start, end) => !overlapsAny(patientTaken, start, end),
      detail: (range, timeZone) => {
        const clash = firstOverlap(alsoBusy, range)
        return clash ? `the patient is busy ${rangeInWords(clash, range.start, timeZone)}` : 'the patient is free'
      },
    },
  ]
}

/** The rules of one clinic, but for hours and grid, which follow from its windows. */
export function clinicChecks({ visit, now }: SchedulingFacts, calendar: ClinicCalendar): Check[] {
  const closures = closureRanges(calendar)
  const off = exceptionsOf(calendar, 'off')
  const closed = mergeRanges(closures)
  const timeOff = mergeRanges(off)
  const lastDay = localDayNumber(now, calendar.timeZone) + visit.horizonDays
  const beyondHorizon = instantOfWall((lastDay + 1) * DAY, calendar.timeZone)
  const checks: Check[] = [
    {
      rule: 'closure',
      allows: (start, end) => !overlapsAny(closed, start, end),
      detail: (range, timeZone) => {
        const clash = firstOverlap(closures, range)
        return clash ? `the clinic is closed ${rangeInWords(clash, range.start, timeZone)}` : 'the clinic is open'
      },
    },
    {
      rule: 'time_off',
      allows: (start, end) => !overlapsAny(timeOff, start, end),
      detail: (range, timeZone) => {
        const clash = firstOverlap(off, range)
        return clash
          ? `the doctor is off ${rangeInWords(clash, range.start, timeZone)}`
          : 'the doctor has no time off then'
      },
    },
    {
      rule: 'horizon',
      allows: (start) => start < beyondHorizon,
      detail: ({ start }) =>
        start < beyondHorizon ? `within ${visit.horizonDays} days` : `more than ${visit.horizonDays} days ahead`,
    },
  ]
  return calendar.rooms ? [...checks, roomCheck(visit, calendar.rooms)] : checks
}

function roomCheck(visit: VisitRules, rooms: TimeRange[][]): Check {
  const taken = rooms.map(mergeRanges)
  const hasRoom = (start: number) => {
    const needed = occupiedRange(visit, start)
    return taken.some((room) => !overlapsAny(room, needed.start, needed.end))
  }
  return {
    rule: 'room_free',
    allows: hasRoom,
    detail: ({ start }) => (hasRoom(start) ? 'a room is free' : 'no room of the clinic is free'),
  }
}

/** HH:mm of an instant, with its day where that is not the day of `near`. */
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
  return name ? `overlaps ${name}` : `the doctor is taken ${rangeInWords(clash, visit.start, timeZone)}`
}

function firstOverlap<Range extends TimeRange>(ranges: Range[], wanted: TimeRange): Range | undefined {
  return ranges.find((range) => range.start < range.end && overlap(range, wanted))
}
