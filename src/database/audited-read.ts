import { type Expression, type Kysely, sql } from 'kysely'
import type { Caller } from '../actor'
import { type AuditEvent, auditColumns, auditValues } from './audit-event'
import { preparedRow, type Statement } from './prepared'
import type { Database } from './schema'

/** Finds one row about one patient if the caller may see it. Given an event, the same statement audits the read. */
export type FindOneRow<V, O> = (
  db: Kysely<Database>,
  caller: Caller,
  values: V,
  event?: AuditEvent,
) => Promise<O | undefined>

/**
 * A prepared select of one row about one patient, compiled once per role. If it finds a row and is given an event, the
 * same statement appends that event with the row's patient, so that no row is read without its event.
 */
export function preparedOneRow<V extends Record<string, unknown>, O extends { patientId: string }>(
  select: (db: Kysely<Database>, caller: Caller, values: V) => Expression<O> & Statement<O>,
): FindOneRow<V, O> {
  const find = preparedRow(select, ['role'])
  const findAudited = preparedRow(
    (db, caller: Caller, values: V, event: AuditEvent) => audited(select(db, caller, values), event),
    ['role'],
  )
  return (db, caller, values, event) => (event ? findAudited(db, caller, values, event) : find(db, caller, values))
}

const audited = <O>(select: Expression<O>, event: AuditEvent) => sql<O>`
  with seen as ${select}, audited as (
    insert into audit_outbox (${auditColumns()})
    select ${auditValues(event, { patientIds: sql`array[seen.patient_id]` })}
    from seen
  )
  select seen.* from seen`
