import type { Caller } from '../actor'
import { violates } from '../database/constraints'
import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { AppError, invalid, notFound, requireRule } from '../errors'
import { inFuture } from '../http/rules'
import { freeUntilOf } from '../ledger/refund-due'
import { findAlternatives } from '../scheduling/alternatives'
import { type BookingFacts, loadBookingFacts, lockBooking } from '../scheduling/facts'
import { localDay } from '../scheduling/local-time'
import { assertMayBookMore, assertMayHold, isPaidFirst } from './limits'
import { type Place, slotTaken, takePlace } from './place'
import { type AppointmentRow, insertAppointments } from './queries'
import type { BookAppointment } from './schemas'
import { StartRefused } from './start-refused'

/** What booking needs of a context; `actor` may be the user in whose name a job books. */
export type BookingContext = Pick<TransactionContext, 'db' | 'jobs' | 'now' | 'config' | 'actor'>

/** A booking that can be made as long as its locks are held. */
export type PossibleBooking = { facts: BookingFacts; place: Place; reason: string | null }

/**
 * Books, or holds, by the protocol that makes double bookings impossible: lock doctor, patient and rooms, then read the
 * booking facts, let the engine decide, write. Throws not_found, forbidden, validation_failed, not_bookable with `rules`,
 * slot_taken, patient_busy, invalid_state for a fourth hold, and too_many_upcoming.
 */
export async function bookAppointment(ctx: BookingContext, request: BookAppointment): Promise<AppointmentRow> {
  const possible = await checkBooking(ctx, request)
  if (request.hold || isPaidFirst(possible.facts)) assertMayHold(possible.facts)
  assertMayBookMore(ctx, possible.facts.patient)
  return writeBooking(ctx, possible, request.hold ? holdEnd(ctx, request.startsAt) : null)
}

/** A hold ends at the start of the visit at the latest. */
const holdEnd = (ctx: BookingContext, startsAt: Date, minutes = ctx.config.holdMinutes) =>
  new Date(Math.min(ctx.now.getTime() + minutes * 60_000, startsAt.getTime()))

/**
 * Offers a time: holds it for `minutes` or until the start, if that is earlier. Throws as bookAppointment does, without
 * too_many_upcoming, which is asked when the offer is accepted.
 */
export async function offerAppointment(
  ctx: BookingContext,
  request: BookAppointment,
  minutes: number,
): Promise<AppointmentRow> {
  const possible = await checkBooking(ctx, request)
  assertMayHold(possible.facts)
  return writeBooking(ctx, possible, holdEnd(ctx, request.startsAt, minutes))
}

/** Locks, then decides whether the booking can be made. Throws as bookAppointment does; expires conflicting holds. */
async function checkBooking(ctx: BookingContext, request: BookAppointment): Promise<PossibleBooking> {
  const patientId = patientToBookFor(ctx.actor, request)
  assertOverride(ctx, request)
  requireRule(ctx, 'startsAt', request.startsAt, inFuture)
  const visit = { ...request, patientId }
  await lockBooking(ctx.db, visit)
  const facts = await loadBookingFacts(ctx, visit)
  return { facts, place: await takePlace(ctx, facts, visit), reason: request.reason ?? null }
}

/**
 * Id of the patient to book for, by default the caller; `loadBookingFacts` checks that the caller may see them. Throws
 * forbidden for a doctor who books with another doctor, validation_failed or not_found without a patient.
 */
export function patientToBookFor(
  actor: Caller,
  { doctorId, patientId }: { doctorId: string; patientId?: string },
): string {
  if (actor.role === 'doctor' && doctorId !== actor.doctorId)
    throw new AppError('forbidden', 'Doctors may only book appointments with themselves.')
  if (patientId !== undefined) return patientId
  if (actor.role !== 'patient') throw invalid('patientId', 'is required')
  if (actor.patientId === undefined) throw notFound('patient')
  return actor.patientId
}

/** Throws forbidden for patients, and validation_failed without a reason. */
export function assertOverride({ actor }: Pick<BookingContext, 'actor'>, { override, reason }: BookAppointment): void {
  if (!override) return
  if (actor.role === 'patient') throw new AppError('forbidden', 'Only doctors and admins may override rules.')
  if (reason === undefined) throw invalid('reason', 'is required with override')
}

/**
 * Adds the nearest slots that this patient can book to the error of a refused booking. Call it after the failed transaction
 * has ended: it reads as much as a search and must hold no lock.
 */
export async function offerAlternatives(ctx: Context, request: BookAppointment, error: AppError): Promise<AppError> {
  if (error.code !== 'slot_taken' && error.code !== 'patient_busy') return error
  const patientId = patientToBookFor(ctx.actor, request)
  const facts = error instanceof StartRefused ? error.facts : undefined
  const alternatives = await findAlternatives(ctx, { ...request, patientId }, facts)
  return new AppError(error.code, error.detail, { alternatives }, {}, { cause: error })
}

async function writeBooking(ctx: BookingContext, possible: PossibleBooking, holdExpiresAt: Date | null) {
  const [booked] = await writeBookings(ctx, [possible], holdExpiresAt)
  return booked!
}

/** Writes all bookings or none, in one statement. */
export async function writeBookings(
  ctx: BookingContext,
  possible: PossibleBooking[],
  holdExpiresAt: Date | null = null,
): Promise<AppointmentRow[]> {
  const bookings = possible.map((one) => ({ ...one, appointment: newAppointment(ctx, one, holdExpiresAt) }))
  try {
    await insertAppointments(
      ctx.db,
      ctx,
      bookings.map(({ appointment, place }) => ({ appointment, occupancy: place.occupancy })),
    )
  } catch (error) {
    // The locks all but rule this out; the constraint makes it impossible.
    throw violates(error, 'occupancy_no_overlap') ? slotTaken(error) : error
  }
  return bookings.map(({ appointment, facts: { doctor, patient, visitType }, place: { clinic, room } }) => ({
    ...appointment,
    patientName: patient.name,
    doctorName: doctor.name,
    specialization: doctor.specialization,
    doctorDisabled: doctor.disabled,
    clinicName: clinic.name,
    visitTypeName: visitType.name,
    room,
    payment: null,
  }))
}

/** With the terms of the visit type as they are now. */
function newAppointment(ctx: BookingContext, { facts, place, reason }: PossibleBooking, heldUntil: Date | null) {
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
    freeUntil: freeUntilOf(startsAt, visitType),
    bufferBeforeMinutes: visitType.bufferBeforeMinutes,
    bufferAfterMinutes: visitType.bufferAfterMinutes,
    requiresPrepayment,
    version: 1,
    createdAt: ctx.now,
  }
}
