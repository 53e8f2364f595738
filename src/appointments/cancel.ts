import { lockResources } from '../database/transaction'
import type { TransactionContext } from '../deps'
import { notFound, versionMismatch } from '../errors'
import { visibleAppointments } from './policy'
import { type AppointmentRow, cancelAppointmentRow, findAppointmentForUpdate, findAppointmentParties } from './queries'
import type { CancelAppointment } from './schemas'
import { assertTransition } from './status'

/**
 * Frees the time at once and voids a payment that is still pending. Throws not_found, version_mismatch, and
 * invalid_state once the appointment has started or is over.
 */
export async function cancelAppointment(
  ctx: TransactionContext,
  id: string,
  { reason }: CancelAppointment,
  ifMatch: number | null,
): Promise<AppointmentRow> {
  const visible = visibleAppointments(ctx.actor)
  const parties = await findAppointmentParties(ctx.db, visible, id)
  if (!parties) throw notFound('appointment')
  await lockResources(ctx.db, [parties.doctorId, parties.patientId])
  const appointment = await findAppointmentForUpdate(ctx.db, visible, id)
  if (!appointment) throw notFound('appointment')
  if (ifMatch !== null && ifMatch !== appointment.version) throw versionMismatch(appointment.version)
  assertTransition(appointment, 'cancelled', ctx.now)
  const { voided, payment, ...changed } = await cancelAppointmentRow(ctx.db, id, {
    cancelledAt: ctx.now,
    cancelledBy: ctx.actor.userId,
    cancellationReason: reason ?? null,
  })
  return { ...appointment, ...changed, payment: voided ?? payment }
}
