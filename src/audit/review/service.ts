import { z } from 'zod'
import type { Context } from '../../deps'
import { AppError, notFound } from '../../errors'
import { formatInstant } from '../../http/schemas'
import { findReviewTimes, type getEmergencyAccess } from '../../patients/emergency/service'
import { readHashedEvent } from '../chain'

import type { TrailEvent } from '../schemas'
import { findLog } from './queries'
import type { EmergencyReview } from './schemas'

const TargetId = z.uuid()

/** The id of the emergency access that the event opened; undefined for other kinds and for refused attempts. */
const accessOf = ({ kind, outcome, targetId }: Pick<TrailEvent, 'kind' | 'outcome' | 'targetId'>) =>
  kind === 'emergency_access' && outcome === 'success' ? TargetId.safeParse(targetId).data : undefined

/** The id of the emergency access that the event opened. Throws not_found, invalid_state if it opened none. */
export async function emergencyOf({ mongo }: Pick<Context, 'mongo'>, seq: number): Promise<string> {
  const log = await findLog(mongo, seq)
  if (!log) throw notFound('event')
  const entry = readHashedEvent(log)
  const id = entry && accessOf(entry)
  if (!id) throw new AppError('invalid_state', 'This event did not open an emergency access.')
  return id
}

/** Adds `reviewedAt` to the events of emergency accesses; reviews are in PostgreSQL and not in the trail. */
export async function withReviews(ctx: Pick<Context, 'db'>, events: TrailEvent[]): Promise<TrailEvent[]> {
  const ids = events.flatMap((event) => accessOf(event) ?? [])
  const times = await findReviewTimes(ctx, ids)
  return events.map((event) => {
    const id = accessOf(event)
    if (!id) return event
    const reviewedAt = times.get(id)
    return { ...event, reviewedAt: reviewedAt ? formatInstant(reviewedAt) : null }
  })
}

type EmergencyAccess = Awaited<ReturnType<typeof getEmergencyAccess>>

export const presentReview = ({
  patientId,
  doctorId,
  doctorName,
  reason,
  createdAt,
  expiresAt,
  reviewedAt,
  reviewedBy,
}: EmergencyAccess): EmergencyReview => ({
  patientId,
  doctor: { id: doctorId, name: doctorName },
  reason,
  createdAt: formatInstant(createdAt),
  expiresAt: formatInstant(expiresAt),
  reviewedAt: reviewedAt && formatInstant(reviewedAt),
  reviewedBy,
})
