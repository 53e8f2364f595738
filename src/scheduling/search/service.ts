import { invalid } from '../../errors'
import { cursorId, cursorInstant, decodeCursor, encodeCursor, type Page } from '../../http/pagination'
import { type DoctorFacts, type FactsContext, readFacts } from '../facts'
import { addDays, DAY, dayNumber, dayOfNumber, localDay } from '../local-time'
import { presentSlot } from '../present'
import { DEFAULT_DAYS, MAX_SEARCH_DAYS, type SearchSlotsQuery, type Slot } from '../schemas'
import { type BookableStart, bookableStarts } from '../slots'
import { findDoctorsFacts } from './queries'

type Candidate = { facts: DoctorFacts; at: BookableStart }
/** The slot after which a page begins: the order is by start, then doctor, then clinic. */
type Position = { start: number; doctorId: string; clinicId: string }

/** Days times doctors that one page reads: a week of a hundred doctors, a day of a thousand. */
const DOCTOR_DAYS = 1_000
/** The offsets from UTC furthest ahead and behind, in ms. */
const MOST_AHEAD = 14 * 3_600_000
const MOST_BEHIND = 12 * 3_600_000
const NIL = '00000000-0000-0000-0000-000000000000'
/** Sorts before every doctor. */
const FIRST_DOCTOR = { doctorId: NIL, clinicId: NIL }

/**
 * Slots of all doctors of a specialization, a clinic or both, each for the first active visit type, on local days of the
 * clinics; earliest first. One round trip. With very many doctors a page may be short, even empty. Throws
 * validation_failed for days in the wrong order or too many.
 */
export async function searchSlots(ctx: FactsContext, query: SearchSlotsQuery): Promise<Page<Slot>> {
  const now = ctx.now.getTime()
  const today = localDay(now, 'UTC')
  const firstDay = query.from ?? addDays(today, -1)
  const lastDay = query.to ?? addDays(query.from ?? addDays(today, 1), DEFAULT_DAYS - 1)
  if (dayNumber(lastDay) - dayNumber(query.from ?? today) >= MAX_SEARCH_DAYS)
    throw invalid('query.to', `must lie at most ${MAX_SEARCH_DAYS} days after from, both counted`)

  const after = readCursor(query.cursor)
  const first = Math.max(now, dayNumber(firstDay) * DAY - MOST_AHEAD, after.start)
  const last = Math.max(first, (dayNumber(lastDay) + 1) * DAY + MOST_BEHIND)
  const found = await findDoctorsFacts(ctx.db, {
    specialization: query.specialization,
    clinicId: query.clinicId,
    verifiedOnly: ctx.config.doctorVerification,
    first: new Date(first),
    last: new Date(last),
    doctorDays: DOCTOR_DAYS,
    // A buffer may reach a day back.
    from: new Date(first - DAY),
    fromDay: localDay(first - 2 * DAY, 'UTC'),
    untilDay: localDay(last + 2 * DAY, 'UTC'),
    now: ctx.now,
    visitTypeId: null,
    patientId: null,
    moving: null,
  })
  const until = found.until.getTime()
  const candidates = earliest(readFacts(found, ctx.now), query, { now, first, until, after })
  const page = candidates.slice(0, query.limit)
  const more = candidates.length > query.limit || until < last
  // Without a full page, everything read so far has been searched.
  const next = candidates.length > query.limit ? positionOf(page.at(-1)!) : { start: until, ...FIRST_DOCTOR }
  return {
    data: page.map(({ facts, at }) => presentSlot(facts, at)),
    nextCursor: more ? encodeCursor([new Date(next.start).toISOString(), next.doctorId, next.clinicId]) : null,
  }
}

function readCursor(cursor: string | undefined): Position {
  const [start, doctorId, clinicId] = decodeCursor(cursor, cursorInstant, cursorId, cursorId) ?? []
  return start && doctorId && clinicId
    ? { start: Date.parse(start), doctorId, clinicId }
    : { start: Number.NEGATIVE_INFINITY, ...FIRST_DOCTOR }
}

type PageBounds = { now: number; first: number; until: number; after: Position }

/** The slots of the page and one more; stops at the first day by which they are known. */
function earliest(
  doctors: DoctorFacts[],
  query: SearchSlotsQuery,
  { now, first, until, after }: PageBounds,
): Candidate[] {
  const needed = query.limit + 1
  const found: Candidate[] = []
  const lastDay = Math.floor((until + MOST_AHEAD) / DAY)
  let days = 1
  for (let day = Math.floor((first - MOST_BEHIND) / DAY); day <= lastDay; day += days, days *= 2) {
    for (const facts of doctors)
      for (const calendar of facts.scheduling.calendars) {
        if (query.clinicId !== undefined && query.clinicId !== calendar.clinicId) continue
        const range = daysAskedFor(query, localDay(now, calendar.timeZone), day, day + days - 1)
        if (range === undefined) continue
        for (const at of bookableStarts({ ...facts.scheduling, calendars: [calendar] }, range)) {
          const candidate = { facts, at }
          if (at.start < until && comparePositions(positionOf(candidate), after) > 0) found.push(candidate)
        }
      }
    const nextDayBegins = (day + days) * DAY - MOST_AHEAD
    if (found.length >= needed && found.filter(({ at }) => at.start < nextDayBegins).length >= needed) break
  }
  return found.sort((a, b) => comparePositions(positionOf(a), positionOf(b))).slice(0, needed)
}

/** The part of the days `first` to `last` (as numbers) that the query asks for at a clinic, if any. */
function daysAskedFor({ from, to }: SearchSlotsQuery, today: string, first: number, last: number) {
  const begin = from ?? today
  const fromDay = Math.max(dayNumber(begin), first)
  const untilDay = Math.min(dayNumber(to ?? addDays(begin, DEFAULT_DAYS - 1)), last)
  return fromDay <= untilDay ? { fromDay: dayOfNumber(fromDay), untilDay: dayOfNumber(untilDay) } : undefined
}

const positionOf = ({ facts, at }: Candidate): Position => ({
  start: at.start,
  doctorId: facts.doctor.id,
  clinicId: at.clinicId,
})

const compareIds = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

const comparePositions = (a: Position, b: Position): number =>
  a.start - b.start || compareIds(a.doctorId, b.doctorId) || compareIds(a.clinicId, b.clinicId)
