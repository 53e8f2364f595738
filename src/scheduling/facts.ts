import type { Kysely, Transaction } from 'kysely'
import type { Viewer } from '../access/patients'
import type { Config } from '../config'
import type { Database } from '../database/schema'
import { AppError, notFound } from '../errors'
import { type ClinicCalendar, readWindow } from './calendar'
import { MINUTE } from './local-time'
import { type Facts, type FactsRow, findBookingFacts, findMovingFacts, lockForBooking, type RoomRow } from './queries'
import { searchAround } from './query-fragments'
import type { TimeRange } from './ranges'
import type { SchedulingFacts } from './rules'
import { isPricedIn } from './visit-type-currencies'

/** The part of a context that reading booking facts needs. */
export type FactsContext = { db: Kysely<Database>; now: Date; config: Pick<Config, 'doctorVerification'> }
type LockedContext = FactsContext & { db: Transaction<Database> }

/** The visit asked for; without `visitTypeId` the doctor's first active visit type. */
export type VisitRequest = {
  doctorId: string
  patientId: string
  visitTypeId?: string
  clinicId?: string
  startsAt: Date
}
type Move = VisitRequest & { id: string; visitTypeId: string; booked: BookedTerms }

/** An expired hold that still has its occupancy of one resource, which a booking there has to remove. */
export type ExpiredHold = TimeRange & { appointmentId: string; resourceId: string }

/** Booking facts of one visit. */
export type VisitFacts = DoctorFacts & { expiredHolds: ExpiredHold[] }

/** Visits to come that a patient's account made, guardians included: open holds and bookings. */
export type UpcomingVisits = { upcoming: number; upcomingWithDoctor: number }

export type BookingFacts = VisitFacts & {
  patient: { id: string; name: string; activeHolds: number } & UpcomingVisits
}

/**
 * Locks doctor, patient and, for a visit that needs a room, the rooms of the clinic or of all the doctor's clinics. Call it
 * before the loaders below; `moving` is the appointment that is to be moved.
 */
export async function lockBooking(
  db: Transaction<Database>,
  { doctorId, patientId, visitTypeId, clinicId, moving }: Omit<VisitRequest, 'startsAt'> & { moving?: string },
): Promise<void> {
  await lockForBooking(db, {
    doctorId,
    patientId,
    visitTypeId: visitTypeId ?? null,
    clinicId: clinicId ?? null,
    moving: moving ?? null,
  })
}

/**
 * The booking facts of one visit, or of several that start until `until`, in one statement, under the locks of
 * `lockBooking`. Throws not_found for doctor, visit type, or patient (also for one the caller may not see), and
 * invalid_state for an erased patient.
 */
export async function loadBookingFacts(
  ctx: LockedContext & Viewer,
  { doctorId, patientId, visitTypeId, startsAt, until = startsAt }: VisitRequest & { until?: Date },
): Promise<BookingFacts> {
  const search = searchAround(ctx, [startsAt.getTime(), until.getTime()], { visitTypeId, patientId })
  const found = await findBookingFacts(ctx.db, ctx, { ...search, doctorId })
  const facts = openDoctor(ctx, readFound(found, ctx.now))
  if (!facts) throw notFound('visit type')
  if (!found.patient) throw notFound('patient')
  if (found.patient.erasedAt) throw new AppError('invalid_state', 'This patient has been erased.')
  return { ...facts, expiredHolds: found.expiredHolds.map(readExpiredHold), patient: found.patient }
}

/**
 * The booking facts for moving an appointment, on the terms it was booked with and without its own busy ranges, under the
 * locks of `lockBooking`. Throws not_bookable for a doctor who is disabled or not verified any more.
 */
export async function loadMovingFacts(
  ctx: LockedContext,
  { id, booked, doctorId, patientId, visitTypeId, startsAt }: Move,
): Promise<VisitFacts> {
  const start = startsAt.getTime()
  const search = searchAround(ctx, [start, start], { visitTypeId, patientId, moving: id })
  const found = await findMovingFacts(ctx.db, { ...search, doctorId })
  // The appointment refers to doctor and visit type, so both exist.
  const facts = readFacts(found!, ctx.now, booked)[0]!
  if (!isOpenForBooking(facts.doctor, ctx))
    throw new AppError('not_bookable', 'The doctor cannot be booked at the moment.')
  return { ...facts, expiredHolds: found!.expiredHolds.map(readExpiredHold) }
}

/** Throws not_found for a doctor who is unknown or cannot be booked; undefined without such an active visit type. */
export function openDoctor(ctx: Pick<FactsContext, 'config'>, found: FoundDoctor | undefined): DoctorFacts | undefined {
  if (!found || !isOpenForBooking(found, ctx)) throw notFound('doctor')
  return found.facts
}

const isOpenForBooking = ({ isVerified, disabled }: DoctorState, { config }: Pick<FactsContext, 'config'>) =>
  !disabled && (isVerified || !config.doctorVerification)

/** What an appointment was booked with and keeps when it is moved, even if its visit type has changed. */
export type BookedTerms = {
  durationMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  requiresRoom: boolean
  priceAmount: number
  priceCurrency: string
  clinicId: string
}

export const bookedTerms = ({
  startsAt,
  endsAt,
  bufferBeforeMinutes,
  bufferAfterMinutes,
  roomId,
  priceAmount,
  priceCurrency,
  clinicId,
}: {
  startsAt: Date
  endsAt: Date
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  roomId: string | null
  priceAmount: number
  priceCurrency: string
  clinicId: string
}): BookedTerms => ({
  durationMinutes: (endsAt.getTime() - startsAt.getTime()) / MINUTE,
  bufferBeforeMinutes,
  bufferAfterMinutes,
  requiresRoom: roomId !== null,
  priceAmount,
  priceCurrency,
  clinicId,
})

export type DoctorFacts = ReturnType<typeof readFacts>[number]
export type FactsClinic = DoctorFacts['clinics'][number]

/** From rows to the engine's facts; a doctor without such an active visit type is left out. */
export function readFacts({ doctors, rooms }: Pick<Facts, 'doctors' | 'rooms'>, now: Date, booked?: BookedTerms) {
  const roomsOf = Map.groupBy(rooms.map(readRoom), ({ clinicId }) => clinicId)
  return doctors.flatMap((row) => {
    const cached = readCachedFacts(row, booked)
    return cached ? [factsAt(cached, row, roomsOf, now)] : []
  })
}

type DoctorState = { isVerified: boolean; disabled: boolean }

/** One doctor; without facts if there is no such active visit type. */
export type FoundDoctor = DoctorState & { facts?: DoctorFacts }

/** Undefined for an unknown doctor. */
export function readFound(found: Facts, now: Date): FoundDoctor | undefined {
  const [row] = found.doctors
  const [facts] = readFacts(found, now)
  return row && { isVerified: row.isVerified, disabled: row.disabled, facts }
}

export type CachedFacts = NonNullable<ReturnType<typeof readCachedFacts>>

/**
 * Booking facts without busy ranges, for the clinics in whose currency the price is; a booked visit may stay at its clinic.
 * Undefined without such an active visit type.
 */
export function readCachedFacts(
  { id, name, specialization, isVerified, disabled, visitType, calendars }: Omit<FactsRow, 'busy' | 'patientBusy'>,
  booked?: BookedTerms,
) {
  if (!visitType) return undefined
  const bookable = calendars.filter(
    ({ id, currency }) => id === booked?.clinicId || isPricedIn(booked ?? visitType, currency),
  )
  return {
    doctor: { id, name, specialization, isVerified, disabled },
    visitType: { ...visitType, ...booked },
    clinics: bookable.map(({ id, name, timeZone }) => ({ id, name, timeZone })),
    calendars: bookable.map(readCalendar),
  }
}

/** Cached facts with the busy ranges of this moment. */
export function factsWithBusyRanges(
  cached: CachedFacts,
  { busy, rooms }: Pick<FactsRow, 'busy'> & Pick<Facts, 'rooms'>,
  now: Date,
) {
  const roomsOf = Map.groupBy(rooms.map(readRoom), ({ clinicId }) => clinicId)
  return factsAt(cached, { busy }, roomsOf, now)
}

const readRoom = ({ busy, ...room }: RoomRow) => ({ ...room, busy: readRanges(busy) })

function factsAt(
  { doctor, visitType, clinics, calendars }: CachedFacts,
  { busy, patientBusy }: Pick<FactsRow, 'busy'> & Partial<Pick<FactsRow, 'patientBusy'>>,
  roomsOf: Map<string, ReturnType<typeof readRoom>[]>,
  now: Date,
) {
  const roomsAt = (clinicId: string) => roomsOf.get(clinicId) ?? []
  const scheduling: SchedulingFacts = {
    visit: visitType,
    calendars: visitType.requiresRoom
      ? calendars.map((calendar) => ({ ...calendar, rooms: roomsAt(calendar.clinicId).map(({ busy }) => busy) }))
      : calendars,
    busy: readRanges(busy),
    alsoBusy: patientBusy ? readRanges(patientBusy) : [],
    now: now.getTime(),
  }
  return {
    doctor,
    visitType,
    /** Rooms in the order in which they are chosen; none are loaded for a visit that needs none. */
    clinics: clinics.map((clinic) => ({ ...clinic, rooms: roomsAt(clinic.id) })),
    scheduling,
  }
}

/** From rows of one doctor at one clinic to the engine's calendar. */
export function readCalendar({
  id,
  timeZone,
  schedules,
  exceptions,
  closures,
}: Omit<FactsRow['calendars'][number], 'name' | 'currency'>): ClinicCalendar {
  return {
    clinicId: id,
    timeZone,
    schedules: schedules.map(({ validFrom, validUntil, windows }) => ({
      validFrom,
      validUntil,
      windows: windows.map(readWindow),
    })),
    exceptions: exceptions.map(({ kind, startsAt, endsAt }) => ({
      kind,
      startsAt: Date.parse(startsAt),
      endsAt: Date.parse(endsAt),
    })),
    closures,
  }
}

const readRanges = ({ starts, ends }: FactsRow['busy']) => starts.map((start, i) => ({ start, end: ends[i]! }))

type RangeRow = { startsAt: string; endsAt: string }

export const readRange = ({ startsAt, endsAt }: RangeRow): TimeRange => ({
  start: Date.parse(startsAt),
  end: Date.parse(endsAt),
})

const readExpiredHold = ({
  appointmentId,
  resourceId,
  ...range
}: RangeRow & Pick<ExpiredHold, 'appointmentId' | 'resourceId'>): ExpiredHold => ({
  appointmentId,
  resourceId,
  ...readRange(range),
})
