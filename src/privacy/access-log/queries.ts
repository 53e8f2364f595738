import { type Kysely, sql } from 'kysely'
import { type AsideLog, type AuditLog, auditLogs, auditLogsAside } from '../../audit/collection'
import type { AuditOutcome } from '../../database/audit-event'
import { jsonRows } from '../../database/json'
import type { Mongo } from '../../database/mongo'
import type { Database } from '../../database/schema'

/** Settled events about the patient that are still in the outbox, newest first. */
export function listOutboxEvents(db: Kysely<Database>, patientId: string, limit: number, before?: string) {
  return db
    .selectFrom('auditOutbox')
    .select(['id as eventId', 'occurredAt', 'kind', 'action', 'outcome', 'purpose', 'actorId', 'actorRole', 'targetId'])
    .where('outcome', '<>', sql.lit<'pending'>('pending'))
    .where(sql<boolean>`patient_ids @> array[${patientId}]::uuid[]`)
    .$if(before !== undefined, (qb) => qb.where('id', '<', before!))
    .orderBy('id', 'desc')
    .limit(limit)
    .$narrowType<{ outcome: Exclude<AuditOutcome, 'pending'> }>()
    .execute()
}

/** Events about the patient that the relay has moved, newest first. */
export function listRelayedEvents(
  mongo: Mongo,
  patientId: string,
  limit: number,
  before?: string,
): Promise<AuditLog[]> {
  return auditLogs(mongo)
    .find({ patientIds: patientId, ...(before && { eventId: { $lt: before } }) }, { maxTimeMS: 5_000 })
    .sort({ eventId: -1 })
    .limit(limit)
    .toArray()
}

/** The same of documents that `audit:reconcile` moved out of the trail. */
export const listEventsAside = (mongo: Mongo, patientId: string, limit: number, before?: string): Promise<AsideLog[]> =>
  auditLogsAside(mongo)
    .find({ patientIds: patientId, ...(before && { eventId: { $lt: before } }) }, { maxTimeMS: 5_000 })
    .sort({ eventId: -1 })
    .limit(limit)
    .toArray()

export type ActingDoctors = Awaited<ReturnType<typeof findActingDoctors>>

/** By user id: the doctor, and the periods of their emergency access to the patient. */
export async function findActingDoctors(db: Kysely<Database>, patientId: string, userIds: string[]) {
  if (userIds.length === 0) return new Map<string, ReturnType<typeof readActor>>()
  const rows = await db
    .selectFrom('doctors')
    .select(['doctors.userId', 'doctors.id', 'doctors.name'])
    .select(({ selectFrom }) =>
      jsonRows(
        selectFrom('emergencyAccess')
          .select(['emergencyAccess.createdAt', 'emergencyAccess.expiresAt'])
          .whereRef('emergencyAccess.doctorId', '=', 'doctors.id')
          .where('emergencyAccess.patientId', '=', patientId),
      ).as('emergencies'),
    )
    .where(sql<boolean>`doctors.user_id = any(${userIds}::uuid[])`)
    .execute()
  return new Map(rows.map((row) => [row.userId!, readActor(row)]))
}

const readActor = ({
  id,
  name,
  emergencies,
}: {
  id: string
  name: string
  emergencies: { createdAt: string; expiresAt: string }[]
}) => ({
  id,
  name,
  emergencies: emergencies.map(({ createdAt, expiresAt }) => ({
    from: new Date(createdAt),
    until: new Date(expiresAt),
  })),
})
