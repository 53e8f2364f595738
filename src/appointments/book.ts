import { patientToBookFor } from '../access/appointments'
import { violates } from '../database/constraints'
import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { AppError, invalid } from '../errors'
import { findAlternatives } from '../scheduling/alternatives'
import { localDay } from '../scheduling/local-time'
import { type BookingFacts, loadBookingFacts } from '../scheduling/service'
import { findPlace, type Place, slotTaken } from './place'
import { type AppointmentRow, insertAppointments } from './queries'
import type { BookAppointment } from './schemas'

const MAX_HOLDS = 3

/** What booking needs of a request; a job can say for whom it acts. */
export type Booker = Pick<TransactionContext, 'db' | 'jobs' | 'now' | 'config' | 'actor'>

/** A booking that can be made, as long as the locks under which this was found are held. */
export type PossibleBooking = { facts: BookingFacts; place: Place; reason: string | null }

/**
 * Books, or holds, by the protocol that makes double bookings impossible: lock doctor, patient and rooms, then read
 * everything, let the engine decide, write. Throws not_found, forbidden, validation_failed, not_bookable with `rules`,
 * slot_taken, patient_busy, and invalid_state for one hold too many.
 */
export async function bookAppointment(ctx: Booker, wanted: BookAppointment): Promise<AppointmentRow> {
  if (wanted.hold) return holdAppointment(ctx, wanted)
  const possible = await checkBooking(ctx, wanted)
  if (isPaidFirst(possible.facts)) assertMayHold(possible.facts)
  return writeBooking(ctx, possible, null)
}

/** Then a booking is a hold at first, and its payment makes it one. */
const isPaidFirst = ({ visitType: { requiresPrepayment, priceAmount } }: BookingFacts) =>
  requiresPrepayment && priceAmount > 0

function assertMayHold({ patient }: BookingFacts): void {
  if (patient.activeHolds >= MAX_HOLDS)
    throw new AppError('invalid_state', `A patient can hold at most ${MAX_HOLDS} times at once.`)
}

/** A hold never outlasts the start. */
const holdEnd = (ctx: Booker, startsAt: Date, minutes = ctx.config.holdMinutes) =>
  new Date(Math.min(ctx.now.getTime() + minutes * 60_000, startsAt.getTime()))

/**
 * Takes the time until it is confirmed, or for so many minutes; a hold never outlasts the start. A patient has at most
 * three at once. Throws as bookAppointment does.
 */
export async function holdAppointment(
  ctx: Booker,
  wanted: BookAppointment,
  { minutes = ctx.config.holdMinutes } = {},
): Promise<AppointmentRow> {
  const possible = await checkBooking(ctx, wanted)
  assertMayHold(possible.facts)
  return writeBooking(ctx, possible, holdEnd(ctx, wanted.startsAt, minutes))
}

/** Takes the locks of a booking and throws why it cannot be made, if it cannot; writes nothing but expired holds. */
export async function checkBooking(ctx: Booker, wanted: BookAppointment): Promise<PossibleBooking> {
  const patientId = patientToBookFor(ctx.actor, wanted)
  assertOverride(ctx, wanted)
  if (wanted.startsAt <= ctx.now) throw invalid('startsAt', 'must lie in the future')
  const facts = await loadBookingFacts(ctx, { ...wanted, patientId })
  return { facts, place: await findPlace(ctx, facts, { ...wanted, patientId }), reason: wanted.reason ?? null }
}

/** Throws forbidden and validation_failed for what the caller may not set aside. */
export function assertOverride({ actor }: Pick<Booker, 'actor'>, { override, reason }: BookAppointment): void {
  if (!override) return
  if (actor.role === 'patient') throw new AppError('forbidden', 'Only doctors and admins may set rules aside.')
  if (reason === undefined) throw invalid('reason', 'is required with override')
}

/**
 * What a refused booking is answered with: the conflict and the nearest times that this patient can book. Call it once
 * the failed transaction has ended, since it reads as much as a search and must hold no lock.
 */
export async function offerAlternatives(ctx: Context, wanted: BookAppointment, error: AppError): Promise<AppError> {
  if (error.code !== 'slot_taken' && error.code !== 'patient_busy') return error
  const patientId = patientToBookFor(ctx.actor, wanted)
  const alternatives = await findAlternatives(ctx, { ...wanted, patientId })
  return new AppError(error.code, error.detail, { alternatives }, {}, { cause: error })
}

async function writeBooking(ctx: Booker, possible: PossibleBooking, holdExpiresAt: Date | null) {
  const [booked] = await writeBookings(ctx, [possible], holdExpiresAt)
  return booked!
}

/** All of them or none, in one statement. */
export async function writeBookings(
  ctx: Booker,
  possible: PossibleBooking[],
  holdExpiresAt: Date | null = null,
): Promise<AppointmentRow[]> {
  const bookings = possible.map((one) => ({ ...one, appointment: newAppointment(ctx, one, holdExpiresAt) }))
  try {
    await insertAppointments(
      ctx.db,
      bookings.map(({ appointment, place }) => ({ appointment, taken: place.taken })),
    )
  } catch (error) {
    // The locks make this all but impossible; the constraint is what makes it impossible.
    throw violates(error, 'occupancy_no_overlap') ? slotTaken(error) : error
  }
  return bookings.map(({ appointment, facts: { doctor, patient, visitType }, place: { clinic, room } }) => ({
    ...appointment,
    patientName: patient.name,
    doctorName: doctor.name,
    specialization: doctor.specialization,
    clinicName: clinic.name,
    visitTypeName: visitType.name,
    room,
    payment: null,
  }))
}

/** With the terms of the visit type as they are now; later changes do not touch them. */
function newAppointment(ctx: Booker, { facts, place, reason }: PossibleBooking, heldUntil: Date | null) {
  const { doctor, patient, visitType } = facts
  const { clinic, room, startsAt, endsAt } = place
  const requiresPrepayment = isPaidFirst(facts)
  const holdExpiresAt = heldUntil ?? (requiresPrepayment ? holdEnd(ctx, startsAt) : null)
  return {
    id: newId(),
    patientId: patient.id,
    doctorId: doctor.id,
    clinicId: clinic.id,
    roomId: room?.id ?? null,
    visitTypeId: visitType.id,
    startsAt,
    endsAt,
    date: localDay(startsAt.getTime(), clinic.timeZone),
    status: holdExpiresAt ? ('held' as const) : ('booked' as const),
    holdExpiresAt,
    reason,
    createdBy: ctx.actor.userId,
    createdByRole: ctx.actor.role,
    timeZone: clinic.timeZone,
    mode: visitType.mode,
    priceAmount: visitType.priceAmount,
    priceCurrency: visitType.priceCurrency,
    cancellationFreeUntilMinutes: visitType.cancellationFreeUntilMinutes,
    cancellationLateRefundPercent: visitType.cancellationLateRefundPercent,
    bufferBeforeMinutes: visitType.bufferBeforeMinutes,
    bufferAfterMinutes: visitType.bufferAfterMinutes,
    requiresPrepayment,
    version: 1,
    createdAt: ctx.now,
  }
}
