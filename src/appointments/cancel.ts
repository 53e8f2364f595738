import type { Context, TransactionContext } from '../deps'
import { type IfMatch, notFound, requireVersion } from '../errors'
import type { Cancellation } from '../ledger/refund-due'
import { releaseOrRefundPayments } from '../ledger/release'
import { lockAppointmentParties } from './lock'
import { type AppointmentRow, cancelAppointmentRow, findAppointmentForUpdate, findAppointmentParties } from './queries'
import type { CancelAppointment } from './schemas'
import { assertTransition } from './status'
import { timeFreed } from './time-freed'

/**
 * Frees the time at once, cancels a pending payment, and lets a job refund the due share of a charged one.
 * Throws not_found, version_mismatch, and invalid_state once the appointment has started or ended, or its hold has expired.
 */
export async function cancelAppointment(
  ctx: TransactionContext,
  id: string,
  { reason }: CancelAppointment,
  ifMatch: IfMatch,
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
  const settled = await releaseOrRefundPayments(ctx, appointment, {
    ...cancellationBy(ctx, appointment),
    reason: ctx.actor.role === 'patient' ? 'cancelled_by_patient' : 'cancelled_by_clinic',
  })
  const shown = cancelledPayment ?? payment
  const status = settled.find((one) => one.id === shown?.id)?.status
  return { ...appointment, ...changed, holdExpiresAt: null, payment: shown && { ...shown, ...(status && { status }) } }
}

/**
 * Who cancels, as the cancellation policy sees it; quotes and cancellations both ask here. A visit with a disabled doctor
 * cannot take place, so that no late fee is due, even if the patient cancels.
 */
export const cancellationBy = (
  { actor, now }: Pick<Context, 'actor' | 'now'>,
  { doctorDisabled }: { doctorDisabled: boolean },
): Cancellation => ({ by: actor.role === 'patient' && !doctorDisabled ? 'patient' : 'clinic', at: now })
