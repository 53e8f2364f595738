import { newId } from '../../database/ids'
import type { Context, TransactionContext } from '../../deps'
import { AppError, invalid, notFound } from '../../errors'
import type { Affected } from '../../scheduling/affected/schemas'
import { findAffected } from '../../scheduling/affected/service'
import { dayBounds, localDay } from '../../scheduling/local-time'
import { getClinic, lockDoctorsOfClinic } from '../service'
import { countClosuresSince, deleteClosureRow, findClinicWithClosures, findClosure, insertClosure } from './queries'
import { type Closure, type CreateClosure, MAX_CLOSURES } from './schemas'

/** Newest first. Throws not_found for an unknown clinic. */
export async function listClosures(
  ctx: Pick<Context, 'db'>,
  clinicId: string,
  page: { limit: number; after?: string },
): Promise<Closure[]> {
  const clinic = await findClinicWithClosures(ctx.db, clinicId, page)
  if (!clinic) throw notFound('clinic')
  return clinic.closures
}

/** Throws not_found for a closure of another clinic too. */
export async function getClosure(ctx: Pick<Context, 'db'>, clinicId: string, id: string): Promise<Closure> {
  const closure = await findClosure(ctx.db, clinicId, id)
  if (!closure) throw notFound('closure')
  return closure
}

/**
 * Closes the clinic on these local days. Appointments on them stay and are returned as `affected`. Takes the locks of all
 * doctors of the clinic. Throws 422 when the last day is past, invalid_state above the limit.
 */
export async function createClosure(
  ctx: TransactionContext,
  clinicId: string,
  { startsOn, endsOn, reason = null }: CreateClosure,
): Promise<{ closure: Closure; affected: Affected }> {
  await lockDoctorsOfClinic(ctx, clinicId)
  const { timeZone } = await getClinic(ctx, clinicId)
  const today = localDay(ctx.now.getTime(), timeZone)
  if (endsOn < today) throw invalid('endsOn', 'must not lie in the past')
  if ((await countClosuresSince(ctx.db, clinicId, today)) >= MAX_CLOSURES)
    throw new AppError('invalid_state', `A clinic can have at most ${MAX_CLOSURES} current and future closures.`)
  const closure = { id: newId(), startsOn, endsOn, reason }
  await insertClosure(ctx.db, { ...closure, clinicId })
  const during = { start: dayBounds(startsOn, timeZone).start, end: dayBounds(endsOn, timeZone).end }
  return { closure, affected: await findAffected(ctx, { clinicId }, during) }
}

/** The days can be booked again at once. Takes no lock: a booking in progress cannot become wrong. Throws not_found. */
export async function deleteClosure(ctx: TransactionContext, clinicId: string, id: string): Promise<Closure> {
  const closure = await deleteClosureRow(ctx.db, clinicId, id)
  if (!closure) throw notFound('closure')
  return closure
}
