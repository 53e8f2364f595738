import type { TransactionContext } from '../deps'
import { type IfMatch, invalid, notFound, requireVersion } from '../errors'
import { type AppointmentRow, findAppointmentById, lockAppointmentRow, updateAppointmentStatus } from './queries'
import type { ProgressAppointment, UndoCheckIn } from './schemas'
import { assertTransition, isUndo } from './status'

/**
 * Checks in, completes or marks as no-show, or undoes such a mistake, which needs a reason; `status` says when. Throws not_found, version_mismatch, invalid_state and validation_failed.
 */
export async function progressAppointment(
  ctx: TransactionContext,
  id: string,
  to: 'checked_in' | 'completed' | 'no_show',
  { reason }: ProgressAppointment,
  ifMatch: IfMatch = null,
): Promise<{ appointment: AppointmentRow; undone: boolean }> {
  const appointment = await findToChange(ctx, id, ifMatch)
  assertTransition(appointment, to, ctx.now)
  const undone = isUndo(appointment.status, to)
  if (!undone) return { appointment: await store(ctx, appointment, { status: to }), undone }
  if (reason === undefined) throw invalid('reason', 'is required to undo a status')
  return { appointment: await store(ctx, appointment, { status: to, ...undoneBy(ctx, reason) }), undone }
}

/** Makes a checked-in appointment a booking again, so that it can be cancelled and moved. Throws as progressAppointment. */
export async function undoCheckIn(
  ctx: TransactionContext,
  id: string,
  { reason }: UndoCheckIn,
  ifMatch: IfMatch = null,
): Promise<AppointmentRow> {
  const appointment = await findToChange(ctx, id, ifMatch)
  assertTransition(appointment, 'booked', ctx.now, { from: 'checked_in' })
  return store(ctx, appointment, { status: 'booked', ...undoneBy(ctx, reason) })
}

/** The occupancy stays as it is, so the row's lock is enough. */
async function findToChange(ctx: TransactionContext, id: string, ifMatch: IfMatch): Promise<AppointmentRow> {
  await lockAppointmentRow(ctx.db, id)
  const appointment = await findAppointmentById(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  return appointment
}

const undoneBy = ({ now, actor }: TransactionContext, reason: string) => ({
  undoneAt: now,
  undoneBy: actor.userId,
  undoReason: reason,
})

type Change = Parameters<typeof updateAppointmentStatus>[2]

const store = async ({ db }: TransactionContext, appointment: AppointmentRow, change: Change) => ({
  ...appointment,
  ...(await updateAppointmentStatus(db, appointment.id, change)),
})
