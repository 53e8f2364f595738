import { auditEvent } from '../../database/audit-event'
import { appendAuditEvent } from '../../database/audit-outbox'
import { inTransaction, lockResources } from '../../database/transaction'
import type { Deps, TransactionContext } from '../../deps'
import { AppError, notFound, requireVersion } from '../../errors'
import { releasePayments } from '../../ledger/release'
import type { LapsedHold } from '../../scheduling/service'
import { systemRequest } from '../../system-context'
import { type AppointmentRow, findAppointmentForUpdate, findAppointmentParties } from '../queries'
import { assertTransition } from '../status'
import { timeFreed } from '../time-freed'
import { confirmHoldRow, expireHoldRows } from './queries'

/** Lapsed holds that are expired in one transaction. */
export const EXPIRY_BATCH = 200

type ExpiredHold = Awaited<ReturnType<typeof expireHoldRows>>[number]

/**
 * Makes a hold a booking on the terms it was held with. For its patient, a guardian, and whoever made it. Throws
 * not_found, forbidden, version_mismatch, hold_expired once it has lapsed, and invalid_state for what is no hold.
 */
export async function confirmHold(
  ctx: TransactionContext,
  id: string,
  ifMatch: number | null = null,
): Promise<AppointmentRow> {
  const parties = await findAppointmentParties(ctx.db, ctx.actor, { id })
  if (!parties) throw notFound('appointment')
  if (ctx.actor.role !== 'patient' && ctx.actor.userId !== parties.createdBy)
    throw new AppError('forbidden', 'A hold is confirmed by its patient or by whoever made it.')
  const { doctorId, patientId, clinicId, roomId } = parties
  await lockResources(ctx.db, roomId ? [doctorId, patientId, clinicId] : [doctorId, patientId])
  const appointment = await findAppointmentForUpdate(ctx.db, ctx.actor, { id })
  if (!appointment) throw notFound('appointment')
  requireVersion(appointment, ifMatch)
  if (appointment.status !== 'expired') assertTransition(appointment, 'booked', ctx.now)
  if (appointment.requiresPrepayment)
    throw new AppError('invalid_state', 'The visit is paid in advance: its payment confirms the hold.')
  const confirmed = await confirmHoldRow(ctx.db, id, ctx.now)
  if (!confirmed) throw new AppError('hold_expired', 'The hold has lapsed: the time may be somebody else’s by now.')
  return { ...appointment, ...confirmed, holdExpiresAt: null }
}

/** Gives how many lapsed holds it has expired, at most EXPIRY_BATCH; any number of copies may call it at any time. */
export async function expireHolds(deps: Pick<Deps, 'db' | 'postgres' | 'jobs'>, now: Date): Promise<number> {
  return inTransaction(deps, async ({ db, jobs }) => {
    const expired = await expireHoldRows(db, { now, limit: EXPIRY_BATCH })
    await recordExpiry({ db, jobs, now }, expired)
    return expired.length
  })
}

/** Under the locks of those whose time the holds take. One that another transaction has expired by now is gone as well. */
export async function expireHoldsInTheWay(
  ctx: Pick<TransactionContext, 'db' | 'jobs' | 'now'>,
  lapsed: Pick<LapsedHold, 'appointmentId'>[],
): Promise<void> {
  if (lapsed.length === 0) return
  const ids = [...new Set(lapsed.map(({ appointmentId }) => appointmentId))]
  await recordExpiry(ctx, await expireHoldRows(ctx.db, { now: ctx.now, ids }))
}

/** Nobody's request: time did it. */
async function recordExpiry(
  { db, jobs, now }: Pick<TransactionContext, 'db' | 'jobs' | 'now'>,
  expired: ExpiredHold[],
) {
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
