import { type Expression, type Kysely, sql } from 'kysely'
import type { Actor } from '../deps'
import { type AuditEvent, auditEvent, purposeOf } from './audit-outbox'
import { preparedRow, type Statement } from './prepared'
import type { Database } from './schema'

/** Of a read of one row; whose it is, the statement says itself. */
export const readEvent = (
  request: Parameters<typeof auditEvent>[0],
  audit: Parameters<typeof auditEvent>[1],
  targetId: string,
): AuditEvent => ({
  ...auditEvent(request, audit, { targetId }),
  purpose: purposeOf(request.actor?.role ?? null),
})

/** One row about one patient, as far as the actor may see it; with an event, the read is put on record. */
export type OneRow<V, O> = (db: Kysely<Database>, actor: Actor, values: V, event?: AuditEvent) => Promise<O | undefined>

/** Reads one row and puts on record what it found. */
export type FindOne = <V, O>(read: OneRow<V, O>, values: V) => Promise<O | undefined>

/**
 * A prepared select of one row about one patient, for each role. With an event it appends, where there is a row, the event
 * that says so, naming the patient: one statement, so that neither is there without the other.
 */
export function preparedOneRow<V extends Record<string, unknown>, O extends { patientId: string }>(
  select: (db: Kysely<Database>, actor: Actor, values: V) => Expression<O> & Statement<O>,
): OneRow<V, O> {
  const find = preparedRow(select, ['role'])
  const findAudited = preparedRow(
    (db, actor: Actor, values: V, event: AuditEvent) => audited(select(db, actor, values), event),
    ['role'],
  )
  return (db, actor, values, event) => (event ? findAudited(db, actor, values, event) : find(db, actor, values))
}

const audited = <O>(
  select: Expression<O>,
  { action, actorId, actorRole, id, ip, kind, occurredAt, outcome, purpose, requestId, targetId }: AuditEvent,
) => sql<O>`
  with seen as ${select}, audited as (
    insert into audit_outbox
      (id, occurred_at, kind, action, outcome, actor_id, actor_role, purpose, patient_ids, target_id, request_id, ip)
    select ${id}, ${occurredAt}, ${kind}, ${action}, ${outcome}, ${actorId}, ${actorRole}, ${purpose},
      array[seen.patient_id], ${targetId}, ${requestId}, ${ip}
    from seen
  )
  select seen.* from seen`
