import { manages } from '../../../access/doctors'
import { newId } from '../../../database/ids'
import { lockResources } from '../../../database/transaction'
import type { Context, TransactionContext } from '../../../deps'
import { AppError, notFound, requireRule } from '../../../errors'
import { inFuture } from '../../../http/rules'
import { formatInstant } from '../../../http/schemas'
import type { Affected } from '../../../scheduling/affected/schemas'
import { findAffected, findOutsideHours } from '../../../scheduling/affected/service'
import { raiseAvailabilityVersion } from '../queries'
import { clinicIdOf, doctorIdOf, getAvailability } from '../service'
import { deleteExceptionRow, type ExceptionRow, findException, insertException } from './queries'
import { type AvailabilityException, type CreateException, MAX_EXCEPTIONS } from './schemas'

/** With the note, which only the doctor and admins may read. */
export const presentException = ({ doctorId: _, startsAt, endsAt, ...plain }: ExceptionRow): AvailabilityException => ({
  ...plain,
  startsAt: formatInstant(startsAt),
  endsAt: formatInstant(endsAt),
})

/** Throws not_found, also when the caller is neither the doctor nor an admin. */
export async function getException(ctx: Pick<Context, 'db' | 'actor'>, id: string): Promise<ExceptionRow> {
  const exception = await findException(ctx.db, id)
  if (!exception || !manages(ctx.actor, exception.doctorId)) throw notFound('exception')
  return exception
}

/**
 * Takes the doctor's lock: time off either refuses a booking made at the same moment or lists it as affected. Affected
 * appointments stay. Throws 422 when the end is past, invalid_state above the limit.
 */
export async function createException(
  ctx: TransactionContext,
  { doctorId: named, clinicId: namedClinic, note = null, ...exception }: CreateException,
): Promise<{ exception: ExceptionRow; affected: Affected }> {
  requireRule(ctx, 'endsAt', exception.endsAt, inFuture)
  const doctorId = doctorIdOf(ctx.actor, named)
  await lockResources(ctx.db, [doctorId])
  const current = await getAvailability(ctx, doctorId)
  const clinicId = clinicIdOf(current, namedClinic)
  if (current.exceptions.length >= MAX_EXCEPTIONS)
    throw new AppError(
      'invalid_state',
      `A doctor can have at most ${MAX_EXCEPTIONS} exceptions, not counting those that ended over a year ago.`,
    )
  const created = await insertException(ctx.db, {
    id: newId(),
    doctorId,
    clinicId,
    note,
    ...exception,
    createdAt: ctx.now,
  })
  await raiseAvailabilityVersion(ctx.db, doctorId)
  return { exception: created, affected: await affectedBy(ctx, created) }
}

async function affectedBy(
  ctx: TransactionContext,
  { kind, startsAt, endsAt, ...whose }: ExceptionRow,
): Promise<Affected> {
  if (kind === 'extra') return { appointments: [], total: 0 }
  return findAffected(ctx, whose, { start: startsAt.getTime(), end: endsAt.getTime() })
}

async function outsideWithout(ctx: TransactionContext, { kind, doctorId, clinicId }: ExceptionRow): Promise<Affected> {
  if (kind === 'off') return { appointments: [], total: 0 }
  return findOutsideHours(ctx, { doctorId, clinicId })
}

/** Appointments booked in extra hours stay; `outside` lists those left outside. Takes the doctor's lock. Throws not_found. */
export async function deleteException(
  ctx: TransactionContext,
  id: string,
): Promise<{ exception: ExceptionRow; outside: Affected }> {
  const exception = await getException(ctx, id)
  await lockResources(ctx.db, [exception.doctorId])
  if (!(await deleteExceptionRow(ctx.db, id))) throw notFound('exception')
  await raiseAvailabilityVersion(ctx.db, exception.doctorId)
  return { exception, outside: await outsideWithout(ctx, exception) }
}
