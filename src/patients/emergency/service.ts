import { newId } from '../../database/ids'
import { lockResources } from '../../database/transaction'
import type { Context, TransactionContext } from '../../deps'
import { AppError, notFound } from '../../errors'
import { type Refusal, refuse } from '../../http/answer'
import { findEmergencyAccess, findEmergencyFacts, insertEmergencyAccess, listReviews, updateReview } from './queries'
import type { OpenEmergencyAccess } from './schemas'

const HOUR = 3_600_000
const OPEN_FOR = 4 * HOUR
/** A doctor who needs more has another problem than a patient. */
export const EMERGENCIES_A_DAY = 5

/**
 * Lets a verified doctor see a patient they are not related to (see access.ts). Takes the doctor's lock, so that the limit
 * holds and verification does not change meanwhile. Throws forbidden and not_found; past the limit it refuses on record.
 */
export async function openEmergencyAccess(
  ctx: TransactionContext,
  patientId: string,
  { reason }: OpenEmergencyAccess,
): Promise<{ id: string; expiresAt: Date } | Refusal> {
  const { db, actor, now } = ctx
  const { doctorId } = actor
  if (doctorId === undefined) throw notVerified()
  await lockResources(db, [doctorId])
  const facts = await findEmergencyFacts(db, { doctorId, patientId, limit: EMERGENCIES_A_DAY })
  if (!facts?.verifiedAt || facts.status !== 'active') throw notVerified()
  if (!facts.patientExists) throw notFound('patient')
  const nextAt = facts.nth ? facts.nth.getTime() + 24 * HOUR : 0
  if (nextAt > now.getTime())
    return refuse(tooMany(nextAt - now.getTime()), { patientIds: [patientId], detail: { code: 'rate_limited' } })
  const access = { id: newId(), expiresAt: new Date(now.getTime() + OPEN_FOR) }
  await insertEmergencyAccess(db, { ...access, doctorId, patientId, reason, createdAt: now })
  return access
}

const notVerified = () => new AppError('forbidden', 'Emergency access is for doctors whom an admin has verified.')

const tooMany = (waitMs: number) =>
  new AppError(
    'rate_limited',
    `More than ${EMERGENCIES_A_DAY} emergencies in 24 hours; an admin can make an appointment instead.`,
    {},
    { 'Retry-After': String(Math.ceil(waitMs / 1000)) },
  )

/** Throws not_found. */
export async function getEmergencyAccess({ db }: Pick<Context, 'db'>, id: string) {
  const access = await findEmergencyAccess(db, id)
  if (!access) throw notFound('emergency access')
  return access
}

/** When each was reviewed, of those that have been. */
export async function findReviewTimes({ db }: Pick<Context, 'db'>, ids: string[]): Promise<Map<string, Date>> {
  const reviews = ids.length > 0 ? await listReviews(db, ids) : []
  return new Map(reviews.map(({ id, reviewedAt }) => [id, reviewedAt]))
}

/** Says that the caller has looked into it; who was first stays on record. Throws not_found. */
export async function reviewEmergencyAccess(ctx: TransactionContext, id: string) {
  await updateReview(ctx.db, id, { reviewedAt: ctx.now, reviewedBy: ctx.actor.userId })
  return getEmergencyAccess(ctx, id)
}
