import type { TransactionContext } from '../deps'
import { invalid, notFound, requireVersion } from '../errors'
import { type AppointmentRow, findAppointmentById, lockAppointmentRow, updateAppointmentStatus } from './queries'
import type { ProgressAppointment } from './schemas'
import { assertTransition, isUndo } from './status'

/**
 * Checks in, completes or marks as no-show, or undoes such a mistake, which needs a reason; `status` says when. The occupancy stays
 * as it is, so the row's lock is enough. Throws not_found, version_mismatch, invalid_state and validation_failed.
 */
export async function progressAppointment(
  ctx: TransactionContext,
  id: string,
  to: 'checked_in' | 'completed' | 'no_show',
  { reason }: ProgressAppointment,
  ifMatch: number | null = null,
): Promise<{ appointment: AppointmentRow; undone: boolean }> {
  await lockAppointmentRow(ctx.db, id)
  const appointment = await findAppointmentById(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  assertTransition(appointment, to, ctx.now)
  const undone = isUndo(appointment.status, to)
  if (undone && reason === undefined) throw invalid('reason', 'is required to undo a status')
  const changed = await updateAppointmentStatus(ctx.db, id, {
    status: to,
    ...(undone && { undoneAt: ctx.now, undoneBy: ctx.actor.userId, undoReason: reason }),
  })
  return { appointment: { ...appointment, ...changed }, undone }
}
