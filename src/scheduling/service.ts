import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'
import type { InTransaction } from '../database/transaction'
import type { Context } from '../deps'
import { invalid, notFound } from '../errors'
import { type DoctorFacts, readFacts, searchAround, toSlot } from './facts'
import { addDays, DAY, dayNumber, localDay } from './local-time'
import { type FactsRow, findBookingFacts, findFacts } from './queries'
import { type DoctorSlotsQuery, MAX_SEARCH_DAYS, type Slot } from './schemas'
import { bookableStarts } from './slots'

type Reader = Pick<Context, 'db' | 'now' | 'config'>

const DEFAULT_DAYS = 7
const NEXT_SLOT_DAYS = 14

/**
 * A doctor's slots on local days of each clinic, both inclusive; without days a week from today. Throws not_found for a
 * doctor or visit type that is not bookable, validation_failed for days in the wrong order or too many.
 */
export async function findSlots(ctx: Reader, doctorId: string, query: DoctorSlotsQuery): Promise<Slot[]> {
  const { visitTypeId, clinicId } = query
  const today = localDay(ctx.now.getTime(), 'UTC')
  const first = query.from ?? today
  const last = query.to ?? addDays(first, DEFAULT_DAYS - 1)
  if (query.from && last < first) throw invalid('query.to', 'must not lie before from')
  if (dayNumber(last) - dayNumber(first) >= MAX_SEARCH_DAYS)
    throw invalid('query.to', `must lie at most ${MAX_SEARCH_DAYS} days after from, both counted`)

  // A day more on either side: clinics' days begin up to 14 hours before and after those of UTC.
  const stretch: [number, number] = [(dayNumber(first) - 1) * DAY, (dayNumber(last) + 2) * DAY]
  const [row] = await findFacts(ctx.db, { ...searchAround(ctx, stretch, { visitTypeId }), doctorIds: [doctorId] })
  if (!row || !isOpenForBooking(row, ctx)) throw notFound('doctor')
  const facts = readFacts(row, ctx.now)
  if (!facts && visitTypeId !== undefined) throw notFound('visit type')
  return facts ? slotsOf(facts, clinicId, (today) => ({ from: query.from ?? today, to: query.to })) : []
}

/** `days` is asked for each clinic with its own today; `to` left out is six days after `from`. */
function slotsOf(
  facts: DoctorFacts,
  clinicId: string | undefined,
  days: (today: string) => { from: string; to?: string },
): Slot[] {
  const { scheduling } = facts
  return scheduling.calendars
    .filter((calendar) => clinicId === undefined || calendar.clinicId === clinicId)
    .flatMap((calendar) => {
      const { from, to = addDays(from, DEFAULT_DAYS - 1) } = days(localDay(scheduling.now, calendar.timeZone))
      return bookableStarts({ ...scheduling, calendars: [calendar] }, { fromDay: from, untilDay: to })
    })
    .sort((a, b) => a.start - b.start || (a.clinicId < b.clinicId ? -1 : 1))
    .map((start) => toSlot(facts, start))
}

/**
 * The first slot of each doctor, of their first active visit type, within 14 days; a doctor who has none is not in the
 * map. One round trip for all. Verification is the caller's to ask.
 */
export async function nextSlots(
  ctx: { db: Kysely<Database>; now: Date },
  doctorIds: string[],
): Promise<Map<string, Slot>> {
  if (doctorIds.length === 0) return new Map()
  const now = ctx.now.getTime()
  const until = now + (NEXT_SLOT_DAYS + 1) * DAY
  const rows = await findFacts(ctx.db, { ...searchAround(ctx, [now, until]), doctorIds })
  const slots = rows.flatMap((row) => firstSlot(readFacts(row, ctx.now)) ?? [])
  return new Map(slots.map((slot) => [slot.doctorId, slot]))
}

function firstSlot(facts: DoctorFacts | undefined): Slot | undefined {
  return facts && slotsOf(facts, undefined, (today) => ({ from: today, to: addDays(today, NEXT_SLOT_DAYS) }))[0]
}

type Wanted = { doctorId: string; patientId: string; visitTypeId?: string; startsAt: Date }

export type BookingFacts = DoctorFacts & { patient: { id: string; name: string } }

/**
 * All that decides one booking, in one statement; call it after the locks of doctor and patient. Throws not_found for
 * doctor, visit type, or patient (also for one the caller may not see).
 */
export async function loadBookingFacts(
  ctx: InTransaction<Reader & Pick<Context, 'actor'>>,
  { doctorId, patientId, visitTypeId, startsAt }: Wanted,
): Promise<BookingFacts> {
  const start = startsAt.getTime()
  const search = searchAround(ctx, [start, start], { visitTypeId, patientId })
  const row = await findBookingFacts(ctx.db, { ...search, doctorId }, ctx.actor)
  if (!row || !isOpenForBooking(row, ctx)) throw notFound('doctor')
  const facts = readFacts(row, ctx.now)
  if (!facts) throw notFound('visit type')
  if (!row.patient) throw notFound('patient')
  return { ...facts, patient: row.patient }
}

const isOpenForBooking = ({ verifiedAt }: FactsRow, { config }: Pick<Context, 'config'>) =>
  verifiedAt !== null || !config.doctorVerification
