import { assertManages, manages, maySeeDoctor } from '../../access/doctors'
import type { Caller } from '../../actor'
import { newId } from '../../database/ids'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, type IfMatch, invalid, notFound, requireVersion } from '../../errors'
import { type CreateVisitType, MAX_ACTIVE_VISIT_TYPES, type UpdateVisitType } from '../schemas'
import {
  findDoctorWithVisitTypes,
  findVisitType,
  findVisitTypeLimits,
  insertVisitType,
  updateVisitTypeRow,
} from './queries'

type ReadContext = Pick<Context<Caller | null>, 'db' | 'actor' | 'config'>

/** Newest first; inactive visit types only for the doctor and admins. Throws not_found for a doctor the caller may not see. */
export async function listVisitTypes(ctx: ReadContext, doctorId: string, page: { limit: number; after?: string }) {
  const doctor = await findDoctorWithVisitTypes(ctx.db, doctorId, { inactive: manages(ctx.actor, doctorId), ...page })
  if (!doctor || !maySeeDoctor(ctx, doctor)) throw notFound('doctor')
  return doctor.visitTypes
}

/** Throws not_found, also for an inactive visit type unless the caller is the doctor or an admin. */
export async function getVisitType(ctx: ReadContext, doctorId: string, id: string) {
  const visitType = await findVisitType(ctx.db, doctorId, id)
  const visible = visitType && maySeeDoctor(ctx, { ...visitType, id: doctorId })
  if (!visible || !(visitType.active || manages(ctx.actor, doctorId))) throw notFound('visit type')
  return visitType
}

/**
 * Takes the doctor's lock. Throws not_found, 422 for a currency that no clinic of the doctor has, invalid_state above the
 * limit of active visit types.
 */
export async function createVisitType(ctx: TransactionContext, doctorId: string, body: CreateVisitType) {
  assertManages(ctx.actor, doctorId)
  await lockResources(ctx.db, [doctorId])
  await assertWithinLimits(ctx, doctorId, { currency: body.price.currency, activates: body.active })
  const { price, cancellationPolicy, slotIntervalMinutes = body.durationMinutes, ...plain } = body
  return insertVisitType(ctx.db, {
    ...plain,
    id: newId(),
    doctorId,
    slotIntervalMinutes,
    priceAmount: price.amount,
    priceCurrency: price.currency,
    cancellationFreeUntilMinutes: cancellationPolicy.freeUntilMinutes ?? 1440,
    cancellationLateRefundPercent: cancellationPolicy.lateRefundPercent ?? 0,
    createdAt: ctx.now,
  })
}

/** Existing appointments keep their terms. Takes the doctor's lock, so that no booking sees half of the change. */
export async function updateVisitType(
  ctx: TransactionContext,
  doctorId: string,
  id: string,
  { price, cancellationPolicy, ...plain }: UpdateVisitType,
  ifMatch: IfMatch,
) {
  assertManages(ctx.actor, doctorId)
  await lockResources(ctx.db, [doctorId])
  const current = await getVisitType(ctx, doctorId, id)
  requireVersion(current, ifMatch)
  const activates = plain.active === true && !current.active
  const stored = activates && current.priceAmount > 0 ? current.priceCurrency : undefined
  if (price || activates) await assertWithinLimits(ctx, doctorId, { currency: price?.currency ?? stored, activates })
  return updateVisitTypeRow(ctx.db, id, {
    ...plain,
    ...(price && { priceAmount: price.amount, priceCurrency: price.currency }),
    cancellationFreeUntilMinutes: cancellationPolicy?.freeUntilMinutes,
    cancellationLateRefundPercent: cancellationPolicy?.lateRefundPercent,
  })
}

async function assertWithinLimits(
  ctx: TransactionContext,
  doctorId: string,
  { currency, activates }: { currency?: string; activates: boolean },
): Promise<void> {
  const limits = await findVisitTypeLimits(ctx.db, doctorId)
  if (!limits) throw notFound('doctor')
  const currencies = limits.currencies.map((clinic) => clinic.currency)
  if (currency !== undefined && currencies.length > 0 && !currencies.includes(currency))
    throw invalid('price.currency', `must be the currency of one of the doctor's clinics: ${currencies.join(', ')}`)
  if (activates && limits.active >= MAX_ACTIVE_VISIT_TYPES)
    throw new AppError('invalid_state', `A doctor can have at most ${MAX_ACTIVE_VISIT_TYPES} active visit types.`)
}
