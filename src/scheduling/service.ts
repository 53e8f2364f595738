import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'
import type { InTransaction } from '../database/transaction'
import type { Context } from '../deps'
import { AppError, invalid, notFound } from '../errors'
import {
  type BookedTerms,
  type DoctorFacts,
  type FoundDoctor,
  readFacts,
  readFound,
  readRange,
  searchAround,
  toSlot,
} from './facts'
import type { createFactsCache } from './facts-cache'
import { addDays, DAY, dayNumber, localDay } from './local-time'
import { findBookingFacts, findFactsOfMany, findMovingFacts, lockForBooking } from './queries'
import type { TimeRange } from './ranges'
import { DEFAULT_DAYS, type DoctorSlotsQuery, MAX_SEARCH_DAYS, type Slot } from './schemas'
import { type BookableStart, bookableStarts, byStartThenClinic } from './slots'

type Reader = Pick<Context, 'db' | 'now' | 'config'>

const NEXT_SLOT_DAYS = 14

/**
 * A doctor's slots on local days of each clinic, both inclusive; without days a week from today. Throws not_found for a
 * doctor or visit type that is not bookable, validation_failed for days in the wrong order or too many.
 */
export async function findSlots(
  ctx: Reader,
  loadFacts: ReturnType<typeof createFactsCache>,
  doctorId: string,
  query: DoctorSlotsQuery,
): Promise<{ facts?: DoctorFacts; starts: BookableStart[] }> {
  const { visitTypeId, clinicId } = query
  const today = localDay(ctx.now.getTime(), 'UTC')
  const first = query.from ?? today
  const last = query.to ?? addDays(first, DEFAULT_DAYS - 1)
  if (query.from && last < first) throw invalid('query.to', 'must not lie before from')
  if (dayNumber(last) - dayNumber(first) >= MAX_SEARCH_DAYS)
    throw invalid('query.to', `must lie at most ${MAX_SEARCH_DAYS} days after from, both counted`)

  // A day more on either side: clinics' days begin up to 14 hours before and after those of UTC.
  const stretch: [number, number] = [(dayNumber(first) - 1) * DAY, (dayNumber(last) + 2) * DAY]
  const found = await loadFacts({ ...searchAround(ctx, stretch, { visitTypeId }), doctorId })
  const facts = openDoctor(ctx, found)
  if (!facts && visitTypeId !== undefined) throw notFound('visit type')
  if (!facts) return { starts: [] }
  return { facts, starts: startsOn(facts, clinicId, (today) => ({ from: query.from ?? today, to: query.to })) }
}

/** `days` is asked for each clinic with its own today; `to` left out is six days after `from`. */
function startsOn(
  { scheduling }: DoctorFacts,
  clinicId: string | undefined,
  days: (today: string) => { from: string; to?: string },
): BookableStart[] {
  const starts = scheduling.calendars
    .filter((calendar) => clinicId === undefined || calendar.clinicId === clinicId)
    .map((calendar) => {
      const { from, to = addDays(from, DEFAULT_DAYS - 1) } = days(localDay(scheduling.now, calendar.timeZone))
      return bookableStarts({ ...scheduling, calendars: [calendar] }, { fromDay: from, untilDay: to })
    })
  if (starts.length === 1) return starts[0]!
  return starts.flat().sort(byStartThenClinic)
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
  const found = await findFactsOfMany(ctx.db, { ...searchAround(ctx, [now, until]), doctorIds })
  const slots = readFacts(found!, ctx.now).flatMap((facts) => firstSlot(facts) ?? [])
  return new Map(slots.map((slot) => [slot.doctorId, slot]))
}

function firstSlot(facts: DoctorFacts): Slot | undefined {
  const [first] = startsOn(facts, undefined, (today) => ({ from: today, to: addDays(today, NEXT_SLOT_DAYS) }))
  return first && toSlot(facts, first)
}

/** Throws not_found for a doctor who is unknown or cannot be booked; undefined for one without such a visit type. */
function openDoctor(ctx: Pick<Context, 'config'>, found: FoundDoctor | undefined): DoctorFacts | undefined {
  if (!found || !isOpenForBooking(found, ctx)) throw notFound('doctor')
  return found.facts
}

const isOpenForBooking = ({ isVerified }: { isVerified: boolean }, { config }: Pick<Context, 'config'>) =>
  isVerified || !config.doctorVerification

type Locked = InTransaction<Reader>
type Wanted = { doctorId: string; patientId: string; visitTypeId?: string; clinicId?: string; startsAt: Date }

/** A hold that has lapsed and still stands in the way of others: of whom it takes time, and when. */
export type LapsedHold = TimeRange & { appointmentId: string; resourceId: string }

/** What decides where and when one visit may be. */
export type VisitFacts = DoctorFacts & { lapsed: LapsedHold[] }

export type BookingFacts = VisitFacts & { patient: { id: string; name: string; activeHolds: number } }

/**
 * All that decides one booking, or several that start until then, in one statement after that which takes the locks of doctor, patient and, where a room
 * will be chosen, of the rooms. Throws not_found for doctor, visit type, or patient (also for one the caller may not see).
 */
export async function loadBookingFacts(
  ctx: Locked & Pick<Context, 'actor'>,
  { doctorId, patientId, visitTypeId, clinicId, startsAt, until = startsAt }: Wanted & { until?: Date },
): Promise<BookingFacts> {
  const search = {
    ...searchAround(ctx, [startsAt.getTime(), until.getTime()], { visitTypeId, patientId }),
    doctorId,
  }
  await lockForBooking(ctx.db, { ...search, clinicId: clinicId ?? null })
  const found = await findBookingFacts(ctx.db, ctx, search)
  const facts = openDoctor(ctx, readFound(found, ctx.now))
  if (!facts) throw notFound('visit type')
  if (!found.patient) throw notFound('patient')
  return { ...facts, lapsed: found.lapsed.map(readLapsed), patient: found.patient }
}

type Moving = Omit<Wanted, 'visitTypeId'> & { id: string; visitTypeId: string }

/** Takes the locks under which an appointment is moved: doctor, patient and, where it has a room, the clinics' rooms. */
export async function lockMoving(
  ctx: Pick<Locked, 'db'>,
  { id, clinicId, ...wanted }: Omit<Moving, 'startsAt'>,
): Promise<void> {
  await lockForBooking(ctx.db, { ...wanted, clinicId: clinicId ?? null, moving: id })
}

/**
 * Under the locks of `lockMoving`, what decides where an appointment may be moved: on the terms it was booked with, and as
 * if it took no time yet. Throws not_bookable for a doctor who is not verified any more.
 */
export async function loadMovingFacts(
  ctx: Locked,
  { id, booked, doctorId, patientId, visitTypeId, startsAt }: Moving & { booked: BookedTerms },
): Promise<VisitFacts> {
  const start = startsAt.getTime()
  const search = { ...searchAround(ctx, [start, start], { visitTypeId, patientId, moving: id }), doctorId }
  const found = await findMovingFacts(ctx.db, search)
  // The appointment refers to both, so that they are there.
  const facts = readFacts(found!, ctx.now, booked)[0]!
  if (!isOpenForBooking(facts.doctor, ctx))
    throw new AppError('not_bookable', 'The doctor cannot be booked at the moment.')
  return { ...facts, lapsed: found!.lapsed.map(readLapsed) }
}

const readLapsed = ({ appointmentId, resourceId, ...range }: Lapsed) => ({
  appointmentId,
  resourceId,
  ...readRange(range),
})
type Lapsed = Pick<LapsedHold, 'appointmentId' | 'resourceId'> & Parameters<typeof readRange>[0]
