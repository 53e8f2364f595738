import { z } from 'zod'
import type { Context } from '../deps'
import { AppError, notFound } from '../errors'
import { formatInstant } from '../http/schemas'
import { findReviewTimes, type getEmergencyAccess } from '../patients/emergency/service'
import { readEntry } from './chain'
import { auditLogs } from './collection'
import type { EmergencyReview } from './review-schemas'
import type { AuditEvent } from './schemas'

const TargetId = z.uuid()

/** The emergency access that an event tells of; undefined for another kind, and for an attempt that opened nothing. */
const accessOf = ({ kind, outcome, targetId }: Pick<AuditEvent, 'kind' | 'outcome' | 'targetId'>) =>
  kind === 'emergency_access' && outcome === 'success' ? TargetId.safeParse(targetId).data : undefined

/** The id of the emergency access that an event tells of. Throws not_found, and invalid_state for one that tells of none. */
export async function emergencyOf({ mongo }: Pick<Context, 'mongo'>, seq: number): Promise<string> {
  const log = await auditLogs(mongo).findOne({ _id: seq }, { maxTimeMS: 5_000 })
  if (!log) throw notFound('event')
  const entry = readEntry(log)
  const id = entry && accessOf(entry)
  if (!id) throw new AppError('invalid_state', 'This event tells of no emergency access that was given.')
  return id
}

/** Those that tell of emergency accesses get when these were reviewed, which stands beside the trail and not in it. */
export async function withReviews(ctx: Pick<Context, 'db'>, events: AuditEvent[]): Promise<AuditEvent[]> {
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
