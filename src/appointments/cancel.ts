import { lockResources } from '../database/transaction'
import type { Context, TransactionContext } from '../deps'
import { notFound, requireVersion } from '../errors'
import { releaseOrRefundPayments } from '../ledger/release'
import { type AppointmentRow, cancelAppointmentRow, findAppointmentForUpdate, findAppointmentParties } from './queries'
import { refundOnCancel } from './refund'
import type { CancelAppointment, CancellationQuote } from './schemas'
import { assertTransition, mayBecome } from './status'
import { timeFreed } from './time-freed'

/**
 * Frees the time at once, voids a payment that is not made yet, and has the share of one that was made given back by a job.
 * Throws not_found, version_mismatch, and invalid_state once the appointment has started or is over.
 */
export async function cancelAppointment(
  ctx: TransactionContext,
  id: string,
  { reason }: CancelAppointment,
  ifMatch: number | null,
): Promise<AppointmentRow> {
  const parties = await findAppointmentParties(ctx.db, ctx.actor, { id })
  if (!parties) throw notFound('appointment')
  await lockResources(ctx.db, [parties.doctorId, parties.patientId])
  const appointment = await findAppointmentForUpdate(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  assertTransition(appointment, 'cancelled', ctx.now)
  const { voided, payment, ...changed } = await cancelAppointmentRow(ctx.db, id, {
    cancelledAt: ctx.now,
    cancelledBy: ctx.actor.userId,
    cancellationReason: reason ?? null,
  })
  await timeFreed(ctx, appointment)
  const settled = await releaseOrRefundPayments(ctx, id, {
    share: refundOnCancel(appointment, { by: ctx.actor.role, at: ctx.now }),
    reason: ctx.actor.role === 'patient' ? 'cancelled_by_patient' : 'cancelled_by_clinic',
  })
  const shown = voided ?? payment
  const status = settled.find((one) => one.id === shown?.id)?.status
  return { ...appointment, ...changed, holdExpiresAt: null, payment: shown && { ...shown, ...(status && { status }) } }
}

/** What cancelling now would mean for the caller; changes nothing. */
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
