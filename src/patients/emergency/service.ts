import { newId } from '../../database/ids'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, notFound } from '../../errors'
import { type Refusal, refuse } from '../../http/answer'
import { findEmergencyAccess, findEmergencyFacts, insertEmergencyAccess, listReviews, updateReview } from './queries'
import type { OpenEmergencyAccess } from './schemas'

const HOUR = 3_600_000
const OPEN_FOR = 4 * HOUR
/** Per doctor. More would rather be misuse than emergencies. */
export const EMERGENCIES_A_DAY = 5

/**
 * Opens access for a verified doctor without a treatment relationship (see `visiblePatients`). Takes the doctor's lock, so
 * that the limit holds and the verification does not change meanwhile. Throws forbidden and not_found; beyond the limit it
 * returns a refusal, which is audited.
 */
export async function openEmergencyAccess(
  ctx: TransactionContext,
  patientId: string,
  { reason }: OpenEmergencyAccess,
): Promise<{ id: string; expiresAt: Date } | Refusal> {
  const { db, actor, now } = ctx
  const { doctorId } = actor
  if (doctorId === undefined) throw unverified()
  await lockResources(db, [doctorId])
  const facts = await findEmergencyFacts(db, { doctorId, patientId, limit: EMERGENCIES_A_DAY })
  if (!facts?.verifiedAt || facts.status !== 'active') throw unverified()
  if (!facts.patientExists) throw notFound('patient')
  const nextAt = facts.nth ? facts.nth.getTime() + 24 * HOUR : 0
  if (nextAt > now.getTime())
    return refuse(tooMany(nextAt - now.getTime()), { patientIds: [patientId], detail: { code: 'rate_limited' } })
  const access = { id: newId(), expiresAt: new Date(now.getTime() + OPEN_FOR) }
  await insertEmergencyAccess(db, { ...access, doctorId, patientId, reason, createdAt: now })
  return access
}

const unverified = () => new AppError('forbidden', 'Only a verified doctor may open emergency access.')

const tooMany = (waitMs: number) =>
  new AppError(
    'rate_limited',
    `At most ${EMERGENCIES_A_DAY} emergency accesses in 24 hours. Ask an admin to book an appointment instead.`,
    {},
    { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
  )

/** Throws not_found. */
export async function getEmergencyAccess({ db }: Pick<Context, 'db'>, id: string) {
  const access = await findEmergencyAccess(db, id)
  if (!access) throw notFound('emergency access')
  return access
}

/** By id of the emergency access: when it was reviewed. Without those that nobody has reviewed. */
export async function findReviewTimes({ db }: Pick<Context, 'db'>, ids: string[]): Promise<Map<string, Date>> {
  const reviews = ids.length > 0 ? await listReviews(db, ids) : []
  return new Map(reviews.map(({ id, reviewedAt }) => [id, reviewedAt]))
}

/** Marks it as reviewed by the caller; the first reviewer is kept. Throws not_found. */
export async function reviewEmergencyAccess(ctx: TransactionContext, id: string) {
  await updateReview(ctx.db, id, { reviewedAt: ctx.now, reviewedBy: ctx.actor.userId })
  return getEmergencyAccess(ctx, id)
}
