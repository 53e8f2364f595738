import type { Context } from '../../deps'
import { invalid } from '../../errors'
import { cursorId, cursorInstant, decodeCursor, encodeCursor, type Page } from '../../http/pagination'
import { type DoctorFacts, readFacts, toSlot } from '../facts'
import { addDays, DAY, dayNumber, dayOfNumber, localDay } from '../local-time'
import { DEFAULT_DAYS, MAX_SEARCH_DAYS, type SearchSlotsQuery, type Slot } from '../schemas'
import { type BookableStart, bookableStarts } from '../slots'
import { findDoctorsFacts } from './queries'

type Reader = Pick<Context, 'db' | 'now' | 'config'>
type Candidate = { facts: DoctorFacts; at: BookableStart }
/** Where a page begins: the order is by start, then doctor, then clinic. */
type Position = { start: number; doctorId: string; clinicId: string }

/** What one page reads: of a hundred doctors a week, of a thousand a day. */
const DOCTOR_DAYS = 1_000
/** No clock is further ahead of UTC, nor further behind. */
const MOST_AHEAD = 14 * 3_600_000
const MOST_BEHIND = 12 * 3_600_000
const NIL = '00000000-0000-0000-0000-000000000000'
/** Before every doctor. */
const NOBODY = { doctorId: NIL, clinicId: NIL }

/**
 * Slots of all doctors of a specialization, a clinic or both, each for the first active visit type, on local days of the
 * clinics; earliest first. One round trip. A page may be short, even empty, where there are very many doctors. Throws
 * validation_failed for days in the wrong order or too many.
 */
export async function searchSlots(ctx: Reader, query: SearchSlotsQuery): Promise<Page<Slot>> {
  const now = ctx.now.getTime()
  const today = localDay(now, 'UTC')
  const firstDay = query.from ?? addDays(today, -1)
  const lastDay = query.to ?? addDays(query.from ?? addDays(today, 1), DEFAULT_DAYS - 1)
  if (query.from && lastDay < query.from) throw invalid('query.to', 'must not lie before from')
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
  // Beyond the last of them all that has been read is known to be taken.
  const next = candidates.length > query.limit ? positionOf(page.at(-1)!) : { start: until, ...NOBODY }
  return {
    data: page.map(({ facts, at }) => toSlot(facts, at)),
    nextCursor: more ? encodeCursor([new Date(next.start).toISOString(), next.doctorId, next.clinicId]) : null,
  }
}

function readCursor(cursor: string | undefined): Position {
  const [start, doctorId, clinicId] = decodeCursor(cursor, cursorInstant, cursorId, cursorId) ?? []
  return start && doctorId && clinicId
    ? { start: Date.parse(start), doctorId, clinicId }
    : { start: Number.NEGATIVE_INFINITY, ...NOBODY }
}

type Stretch = { now: number; first: number; until: number; after: Position }

/** The first slots of the page and one more: days are gone through only until these are known. */
function earliest(doctors: DoctorFacts[], query: SearchSlotsQuery, { now, first, until, after }: Stretch): Candidate[] {
  const wanted = query.limit + 1
  const found: Candidate[] = []
  const lastDay = Math.floor((until + MOST_AHEAD) / DAY)
  let days = 1
  for (let day = Math.floor((first - MOST_BEHIND) / DAY); day <= lastDay; day += days, days *= 2) {
    for (const facts of doctors)
      for (const calendar of facts.scheduling.calendars) {
        if (query.clinicId !== undefined && query.clinicId !== calendar.clinicId) continue
        const range = daysWanted(query, localDay(now, calendar.timeZone), day, day + days - 1)
        if (range === undefined) continue
        for (const at of bookableStarts({ ...facts.scheduling, calendars: [calendar] }, range)) {
          const candidate = { facts, at }
          if (at.start < until && comparePositions(positionOf(candidate), after) > 0) found.push(candidate)
        }
      }
    const nextDayBegins = (day + days) * DAY - MOST_AHEAD
    if (found.length >= wanted && found.filter(({ at }) => at.start < nextDayBegins).length >= wanted) break
  }
  return found.sort((a, b) => comparePositions(positionOf(a), positionOf(b))).slice(0, wanted)
}

/** Those of the days `first` to `last` (as numbers) that are asked for at a clinic, if any. */
function daysWanted({ from, to }: SearchSlotsQuery, today: string, first: number, last: number) {
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
