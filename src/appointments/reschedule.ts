import { violates } from '../database/constraints'
import type { Context, TransactionContext } from '../deps'
import { AppError, type IfMatch, notFound, requireRule, requireVersion } from '../errors'
import { inFuture } from '../http/rules'
import { freeUntilAfterMove } from '../ledger/refund-due'
import { findAlternatives } from '../scheduling/alternatives'
import { bookedTerms, loadMovingFacts, lockBooking, type VisitFacts } from '../scheduling/facts'
import { localDay } from '../scheduling/local-time'
import { clinicsWithHours } from '../scheduling/slots'
import { cancellationBy } from './cancel'
import { slotTaken, takePlace } from './place'
import {
  type AppointmentRow,
  findAppointmentById,
  findAppointmentForUpdate,
  findAppointmentParties,
  moveAppointmentRow,
} from './queries'
import type { RescheduleAppointment } from './schemas'
import { StartRefused } from './start-refused'
import { assertMovable } from './status'
import { timeFreed } from './time-freed'

/**
 * Moves a booking to another time, or changes nothing. It keeps its id and its terms, duration and buffers included; notice,
 * horizon and grid are those of the visit type as it is now. Throws not_found, version_mismatch, invalid_state, and as a
 * booking does for a time that cannot be booked.
 */
export async function rescheduleAppointment(
  ctx: TransactionContext,
  id: string,
  { startsAt, clinicId }: RescheduleAppointment,
  ifMatch: IfMatch = null,
): Promise<AppointmentRow> {
  requireRule(ctx, 'startsAt', startsAt, inFuture)
  const parties = await findAppointmentParties(ctx.db, ctx.actor, { id })
  if (!parties) throw notFound('appointment')
  const { doctorId, patientId, visitTypeId } = parties
  await lockBooking(ctx.db, { doctorId, patientId, visitTypeId, clinicId, moving: id })
  const appointment = await findAppointmentForUpdate(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  assertMovable(appointment, ctx.now)
  const facts = await loadMovingFacts(ctx, { ...appointment, startsAt, booked: bookedTerms(appointment) })
  const place = await takePlace(ctx, facts, {
    patientId,
    startsAt,
    clinicId: clinicId ?? clinicToKeep(facts, startsAt, appointment.clinicId),
  })
  const { clinic, room, endsAt } = place
  const moved = {
    startsAt,
    endsAt,
    clinicId: clinic.id,
    roomId: room?.id ?? null,
    timeZone: clinic.timeZone,
    date: localDay(startsAt.getTime(), clinic.timeZone),
    freeUntil: freeUntilAfterMove(appointment, { ...cancellationBy(ctx, appointment), startsAt }),
  }
  try {
    // A treatment relationship must not last longer because the doctor moved the visit.
    const evidence = ctx.actor.role === 'doctor' ? {} : { originalEndsAt: endsAt }
    const { version, payment } = await moveAppointmentRow(ctx.db, id, { ...moved, ...evidence }, place.occupancy)
    await timeFreed(ctx, appointment)
    return { ...appointment, ...moved, version, clinicName: clinic.name, room, payment }
  } catch (error) {
    throw violates(error, 'occupancy_no_overlap') ? slotTaken(error) : error
  }
}

/** The current clinic, unless only others have hours then. */
function clinicToKeep(facts: VisitFacts, startsAt: Date, current: string): string | undefined {
  const open = clinicsWithHours(facts, startsAt.getTime())
  return open.length === 0 || open.some(({ id }) => id === current) ? current : undefined
}

/**
 * Adds the nearest slots at the same doctor to the error of a refused move. Call it after the failed transaction has ended.
 */
export async function offerOtherTimes(
  ctx: Context,
  id: string,
  { startsAt, clinicId }: RescheduleAppointment,
  error: AppError,
): Promise<AppError> {
  if (error.code !== 'slot_taken' && error.code !== 'patient_busy') return error
  const appointment = await findAppointmentById(ctx.db, ctx.actor, { id })
  if (!appointment) return error
  const moving = { id, booked: bookedTerms(appointment) }
  const facts = error instanceof StartRefused ? error.facts : undefined
  const alternatives = await findAlternatives(ctx, { ...appointment, startsAt, clinicId, moving }, facts)
  return new AppError(error.code, error.detail, { alternatives }, {}, { cause: error })
}
