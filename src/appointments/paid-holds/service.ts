import type { TransactionContext } from '../../deps'
import { AppError } from '../../errors'
import { loadMovingFacts } from '../../scheduling/service'
import { confirmHoldRow } from '../holds/queries'
import { findPlace } from '../place'
import { findPaidAppointment, rebookRow } from './queries'

type Writer = Pick<TransactionContext, 'db' | 'postgres' | 'jobs' | 'now' | 'config'>

/** `slot_lost`: the hold had lapsed and its time cannot be booked any more. */
export type PaidOutcome = 'unchanged' | 'confirmed' | 'rebooked' | 'slot_lost' | 'cancelled'

/**
 * Puts money that has come in to use: a hold is confirmed; one that has lapsed is booked again on its own terms if the
 * engine still allows its time, notice and horizon apart, which it kept when it was made. The locks of doctor and patient,
 * and of the clinic where it has a room, must be held.
 */
export async function settlePaidAppointment(ctx: Writer, id: string): Promise<PaidOutcome> {
  const appointment = await findPaidAppointment(ctx.db, id)
  const { status } = appointment
  if (status === 'cancelled') return 'cancelled'
  if (status !== 'held' && status !== 'expired') return 'unchanged'
  if (status === 'held' && (await confirmHoldRow(ctx.db, id, ctx.now))) return 'confirmed'
  return (await rebook(ctx, appointment)) ? 'rebooked' : 'slot_lost'
}

type Lapsed = Awaited<ReturnType<typeof findPaidAppointment>>

async function rebook(ctx: Writer, appointment: Lapsed): Promise<boolean> {
  const { id, patientId, startsAt, endsAt, roomId, bufferBeforeMinutes, bufferAfterMinutes } = appointment
  const booked = {
    durationMinutes: (endsAt.getTime() - startsAt.getTime()) / 60_000,
    bufferBeforeMinutes,
    bufferAfterMinutes,
    requiresRoom: roomId !== null,
  }
  try {
    const { doctorId, clinicId, visitTypeId } = appointment
    const facts = await loadMovingFacts(ctx, { id, booked, doctorId, patientId, clinicId, visitTypeId, startsAt })
    const place = await findPlace(ctx, facts, {
      patientId,
      startsAt,
      clinicId,
      override: ['minimum_notice', 'horizon'],
    })
    await rebookRow(ctx.db, id, { roomId: place.room?.id ?? null, taken: place.taken })
    return true
  } catch (error) {
    if (error instanceof AppError && REFUSED.has(error.code)) return false
    throw error
  }
}

const REFUSED = new Set(['not_bookable', 'slot_taken', 'patient_busy', 'validation_failed'])
