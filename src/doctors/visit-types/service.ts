import { assertManages, manages, maySeeDoctor } from '../../access/doctors'
import type { Caller } from '../../actor'
import { newId } from '../../database/ids'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, invalid, notFound, requireVersion } from '../../errors'
import { type CreateVisitType, MAX_ACTIVE_VISIT_TYPES, type UpdateVisitType } from '../schemas'
import {
  findDoctorWithVisitTypes,
  findVisitType,
  findVisitTypeTerms,
  insertVisitType,
  updateVisitType as updateVisitTypeRow,
} from './queries'

type Reader = Pick<Context<Caller | null>, 'db' | 'actor' | 'config'>

/** Newest first; inactive ones for those who manage the doctor. Throws not_found for a doctor the caller may not see. */
export async function listVisitTypes(ctx: Reader, doctorId: string, page: { limit: number; after?: string }) {
  const doctor = await findDoctorWithVisitTypes(ctx.db, doctorId, { inactive: manages(ctx.actor, doctorId), ...page })
  if (!doctor || !maySeeDoctor(ctx, doctor)) throw notFound('doctor')
  return doctor.visitTypes
}

/** Throws not_found, also for an inactive one unless the caller manages the doctor. */
export async function getVisitType(ctx: Reader, doctorId: string, id: string) {
  const visitType = await findVisitType(ctx.db, doctorId, id)
  const visible = visitType && maySeeDoctor(ctx, { id: doctorId, verifiedAt: visitType.verifiedAt })
  if (!visible || !(visitType.active || manages(ctx.actor, doctorId))) throw notFound('visit type')
  return visitType
}

/** Takes the doctor's lock. Throws 422 for a currency that none of the doctor's clinics has. */
export async function createVisitType(ctx: TransactionContext, doctorId: string, body: CreateVisitType) {
  assertManages(ctx.actor, doctorId)
  await lockResources(ctx.db, [doctorId])
  await assertTerms(ctx, doctorId, { currency: body.price.currency, activates: body.active })
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

/** Appointments keep the terms they were booked with. Takes the doctor's lock, so that no booking sees half of it. */
export async function updateVisitType(
  ctx: TransactionContext,
  doctorId: string,
  id: string,
  { price, cancellationPolicy, ...plain }: UpdateVisitType,
  ifMatch: number | null,
) {
  assertManages(ctx.actor, doctorId)
  await lockResources(ctx.db, [doctorId])
  const current = await getVisitType(ctx, doctorId, id)
  requireVersion(current, ifMatch)
  const activates = plain.active === true && !current.active
  if (price || activates) await assertTerms(ctx, doctorId, { currency: price?.currency, activates })
  return updateVisitTypeRow(ctx.db, id, {
    ...plain,
    ...(price && { priceAmount: price.amount, priceCurrency: price.currency }),
    cancellationFreeUntilMinutes: cancellationPolicy?.freeUntilMinutes,
    cancellationLateRefundPercent: cancellationPolicy?.lateRefundPercent,
  })
}

async function assertTerms(
  ctx: TransactionContext,
  doctorId: string,
  { currency, activates }: { currency?: string; activates: boolean },
): Promise<void> {
  const terms = await findVisitTypeTerms(ctx.db, doctorId)
  if (!terms) throw notFound('doctor')
  const currencies = terms.currencies.map((clinic) => clinic.currency)
  if (currency !== undefined && currencies.length > 0 && !currencies.includes(currency))
    throw invalid('price.currency', `must be the currency of a clinic of the doctor: ${currencies.join(', ')}`)
  if (activates && terms.active >= MAX_ACTIVE_VISIT_TYPES)
    throw new AppError('invalid_state', `A doctor has at most ${MAX_ACTIVE_VISIT_TYPES} active visit types.`)
}
