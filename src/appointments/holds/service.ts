import { auditEvent } from '../../database/audit-event'
import { appendAuditEvent } from '../../database/audit-outbox'
import { inTransaction } from '../../database/transaction'
import type { Deps, TransactionContext } from '../../deps'
import { AppError, type IfMatch, notFound, requireVersion } from '../../errors'
import { releasePayments } from '../../ledger/release'
import { systemRequest } from '../../system-context'
import { lockAppointmentParties } from '../lock'
import { type AppointmentRow, findAppointmentForUpdate, findAppointmentParties } from '../queries'
import { assertTransition } from '../status'
import { timeFreed } from '../time-freed'
import { confirmHoldRow, expireHoldRows } from './queries'

/** Holds that one transaction sets to `expired`. */
export const EXPIRY_BATCH = 200

type ExpiredRow = Awaited<ReturnType<typeof expireHoldRows>>[number]

/**
 * Makes a hold a booking on the terms it was held with; for its patient, a guardian and the user who made it. Throws
 * not_found, forbidden, version_mismatch, hold_expired, invalid_state for an appointment that is no hold, and not_bookable
 * for a disabled doctor.
 */
export async function confirmHold(
  ctx: TransactionContext,
  id: string,
  ifMatch: IfMatch = null,
): Promise<AppointmentRow> {
  const parties = await findAppointmentParties(ctx.db, ctx.actor, { id })
  if (!parties) throw notFound('appointment')
  if (ctx.actor.role !== 'patient' && ctx.actor.userId !== parties.createdBy)
    throw new AppError('forbidden', 'Only its patient, a guardian or the user who made it can confirm a hold.')
  await lockAppointmentParties(ctx.db, parties)
  const appointment = await findAppointmentForUpdate(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  if (appointment.status !== 'expired') assertTransition(appointment, 'booked', ctx.now, { from: 'held' })
  if (appointment.requiresPrepayment)
    throw new AppError('invalid_state', 'The visit is paid in advance: its payment confirms the hold.')
  if (appointment.doctorDisabled) throw new AppError('not_bookable', 'The doctor cannot be booked at the moment.')
  const confirmed = await confirmHoldRow(ctx.db, id, ctx.now)
  if (!confirmed) throw new AppError('hold_expired', 'The hold has expired. Book the time again if it is still free.')
  return { ...appointment, ...confirmed, holdExpiresAt: null }
}

/** Sets overdue holds to `expired` and returns how many, at most EXPIRY_BATCH. Safe to run on several copies at once. */
export async function expireHolds(deps: Pick<Deps, 'db' | 'postgres' | 'jobs'>, now: Date): Promise<number> {
  return inTransaction(deps, async ({ db, jobs }) => {
    const expired = await expireHoldRows(db, { now, limit: EXPIRY_BATCH })
    await recordExpiry({ db, jobs, now }, expired)
    return expired.length
  })
}

/** Call it under the locks of the resources that the holds occupy. A hold that was expired meanwhile is left out. */
export async function expireConflictingHolds(
  ctx: Pick<TransactionContext, 'db' | 'jobs' | 'now'>,
  ids: string[],
): Promise<void> {
  if (ids.length === 0) return
  await recordExpiry(ctx, await expireHoldRows(ctx.db, { now: ctx.now, ids: [...new Set(ids)] }))
}

/** As the system, since no request asked for it. */
async function recordExpiry({ db, jobs, now }: Pick<TransactionContext, 'db' | 'jobs' | 'now'>, expired: ExpiredRow[]) {
  if (expired.length === 0) return
  const request = systemRequest('hold-expiry', now)
  const kind = { kind: 'appointment.expire', action: 'U' } as const
  const events = expired.map(({ id, patientId }) =>
    auditEvent(request, kind, { targetId: id, patientIds: [patientId] }),
  )
  await appendAuditEvent(db, ...events)
  await timeFreed({ db, jobs }, ...expired.map((hold) => ({ ...hold, status: 'held' as const })))
  await releasePayments({ db, jobs, now }, ...expired.map(({ id }) => id))
}
