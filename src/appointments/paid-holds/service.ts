import type { TransactionContext } from '../../deps'
import { AppError } from '../../errors'
import { bookedTerms, loadMovingFacts } from '../../scheduling/facts'
import { confirmHoldRow } from '../holds/queries'
import { takePlace } from '../place'
import { findPaidAppointment, rebookRow } from './queries'

type PaidHoldContext = Pick<TransactionContext, 'db' | 'postgres' | 'jobs' | 'now' | 'config'>

/** `slot_lost`: the hold had expired and its time cannot be booked any more, or its doctor is disabled. */
export type PaidOutcome = 'unchanged' | 'confirmed' | 'rebooked' | 'slot_lost' | 'cancelled'

/**
 * Applies an arrived payment to its appointment: confirms a hold, or rebooks an expired one on its own terms if the engine
 * still allows its time. Notice and horizon were kept when the hold was made, so they are ignored. The locks of
 * `lockAppointmentParties` must be held.
 */
export async function settlePaidAppointment(ctx: PaidHoldContext, id: string): Promise<PaidOutcome> {
  const appointment = await findPaidAppointment(ctx.db, id)
  const { status } = appointment
  if (status === 'cancelled') return 'cancelled'
  if (status !== 'held' && status !== 'expired') return 'unchanged'
  if (status === 'held' && !appointment.doctorDisabled && (await confirmHoldRow(ctx.db, id, ctx.now)))
    return 'confirmed'
  return (await rebook(ctx, appointment)) ? 'rebooked' : 'slot_lost'
}

type PaidAppointment = Awaited<ReturnType<typeof findPaidAppointment>>

async function rebook(ctx: PaidHoldContext, appointment: PaidAppointment): Promise<boolean> {
  const { id, patientId, startsAt, clinicId } = appointment
  // Nothing can be booked for an erased patient.
  if (appointment.erasedAt) return false
  try {
    const facts = await loadMovingFacts(ctx, { ...appointment, booked: bookedTerms(appointment) })
    const place = await takePlace({ ...ctx, actor: 'system' }, facts, {
      patientId,
      startsAt,
      clinicId,
      override: ['minimum_notice', 'horizon'],
    })
    await rebookRow(ctx.db, id, { roomId: place.room?.id ?? null, occupancy: place.occupancy })
    return true
  } catch (error) {
    if (error instanceof AppError && REFUSED.has(error.code)) return false
    throw error
  }
}

const REFUSED = new Set(['not_bookable', 'slot_taken', 'patient_busy', 'validation_failed'])
