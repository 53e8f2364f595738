import type { Context, TransactionContext } from '../deps'
import { notFound, requireVersion } from '../errors'
import { releaseOrRefundPayments } from '../ledger/release'
import { lockAppointmentParties } from './lock'
import { type AppointmentRow, cancelAppointmentRow, findAppointmentForUpdate, findAppointmentParties } from './queries'
import { refundOnCancel } from './refund'
import type { CancelAppointment, CancellationQuote } from './schemas'
import { assertTransition, mayBecome } from './status'
import { timeFreed } from './time-freed'

/**
 * Frees the time at once, cancels a pending payment, and lets a job refund the due share of a charged one.
 * Throws not_found, version_mismatch, and invalid_state once the appointment has started or ended.
 */
export async function cancelAppointment(
  ctx: TransactionContext,
  id: string,
  { reason }: CancelAppointment,
  ifMatch: number | null,
): Promise<AppointmentRow> {
  const parties = await findAppointmentParties(ctx.db, ctx.actor, { id })
  if (!parties) throw notFound('appointment')
  // Frees a room and chooses none, so the rooms need no lock.
  await lockAppointmentParties(ctx.db, { ...parties, roomId: null })
  const appointment = await findAppointmentForUpdate(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  assertTransition(appointment, 'cancelled', ctx.now)
  const { cancelledPayment, payment, ...changed } = await cancelAppointmentRow(ctx.db, id, {
    cancelledAt: ctx.now,
    cancelledBy: ctx.actor.userId,
    cancellationReason: reason ?? null,
  })
  await timeFreed(ctx, appointment)
  const settled = await releaseOrRefundPayments(ctx, id, {
    share: refundOnCancel(appointment, { by: ctx.actor.role, at: ctx.now }),
    reason: ctx.actor.role === 'patient' ? 'cancelled_by_patient' : 'cancelled_by_clinic',
  })
  const shown = cancelledPayment ?? payment
  const status = settled.find((one) => one.id === shown?.id)?.status
  return { ...appointment, ...changed, holdExpiresAt: null, payment: shown && { ...shown, ...(status && { status }) } }
}

/** Whether the caller could cancel now, and the refund. Changes nothing. */
export function quoteCancellation(ctx: Pick<Context, 'actor' | 'now'>, appointment: AppointmentRow): CancellationQuote {
  const allowed = mayBecome(appointment, 'cancelled', ctx.now)
  const amount = allowed ? refundOnCancel(appointment, { by: ctx.actor.role, at: ctx.now }) : 0
  return {
    allowed,
    refund: { amount, currency: appointment.priceCurrency },
    policy: {
      freeUntilMinutes: appointment.cancellationFreeUntilMinutes,
      lateRefundPercent: appointment.cancellationLateRefundPercent,
    },
  }
}
