import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'
import { invalid, notFound } from '../errors'
import { type DoctorFacts, type FactsContext, openDoctor, readFacts } from './facts'
import type { FactsCache } from './facts-cache'
import { addDays, DAY, dayNumber, localDay } from './local-time'
import { presentSlot } from './present'
import { findFactsOfMany } from './queries'
import { searchAround } from './query-fragments'
import { DEFAULT_DAYS, type DoctorSlotsQuery, MAX_SEARCH_DAYS, type Slot } from './schemas'
import { type BookableStart, bookableStarts, byStartThenClinic } from './slots'

const NEXT_SLOT_DAYS = 14

/**
 * A doctor's slots on local days of each clinic, both inclusive; without days a week from today. Throws not_found for a
 * doctor or visit type that is not bookable, validation_failed for days in the wrong order or too many.
 */
export async function findSlots(
  ctx: FactsContext & { factsCache: FactsCache },
  doctorId: string,
  query: DoctorSlotsQuery,
): Promise<{ facts?: DoctorFacts; starts: BookableStart[] }> {
  const { visitTypeId, clinicId } = query
  const today = localDay(ctx.now.getTime(), 'UTC')
  const first = query.from ?? today
  const last = query.to ?? addDays(first, DEFAULT_DAYS - 1)
  if (dayNumber(last) - dayNumber(first) >= MAX_SEARCH_DAYS)
    throw invalid('query.to', `must lie at most ${MAX_SEARCH_DAYS} days after from, both counted`)

  // A day more on either side: clinics' days begin up to 14 hours before and after those of UTC. Without `from`, `to` may
  // lie before today.
  const until = Math.max(dayNumber(first), dayNumber(last))
  const span: [number, number] = [(dayNumber(first) - 1) * DAY, (until + 2) * DAY]
  const found = await ctx.factsCache.find({ ...searchAround(ctx, span, { visitTypeId }), doctorId })
  const facts = openDoctor(ctx, found)
  if (!facts && visitTypeId !== undefined) throw notFound('visit type')
  if (!facts) return { starts: [] }
  return { facts, starts: startsOn(facts, clinicId, (today) => ({ from: query.from ?? today, to: query.to })) }
}

/** `days` is called for each clinic with its own today; `to` left out is six days after `from`. */
function startsOn(
  { scheduling }: DoctorFacts,
  clinicId: string | undefined,
  days: (today: string) => { from: string; to?: string },
): BookableStart[] {
  const starts = scheduling.calendars
    .filter((calendar) => clinicId === undefined || calendar.clinicId === clinicId)
    .map((calendar) => {
      const { from, to = addDays(from, DEFAULT_DAYS - 1) } = days(localDay(scheduling.now, calendar.timeZone))
      if (to < from) return []
      return bookableStarts({ ...scheduling, calendars: [calendar] }, { fromDay: from, untilDay: to })
    })
  if (starts.length === 1) return starts[0]!
  return starts.flat().sort(byStartThenClinic)
}

/**
 * The first slot of each doctor within 14 days, for their first active visit type; a doctor without a slot is not in the
 * map. One round trip for all. Does not check verification.
 */
export async function nextSlots(
  ctx: { db: Kysely<Database>; now: Date },
  doctorIds: string[],
): Promise<Map<string, Slot>> {
  if (doctorIds.length === 0) return new Map()
  const now = ctx.now.getTime()
  const until = now + (NEXT_SLOT_DAYS + 1) * DAY
  const found = await findFactsOfMany(ctx.db, { ...searchAround(ctx, [now, until]), doctorIds })
  const slots = readFacts(found!, ctx.now).flatMap((facts) => firstSlot(facts) ?? [])
  return new Map(slots.map((slot) => [slot.doctorId, slot]))
}

function firstSlot(facts: DoctorFacts): Slot | undefined {
  const [first] = startsOn(facts, undefined, (today) => ({ from: today, to: addDays(today, NEXT_SLOT_DAYS) }))
  return first && presentSlot(facts, first)
}
