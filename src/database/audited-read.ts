import { type Expression, type Kysely, sql } from 'kysely'
import type { Caller } from '../actor'
import { type AuditEvent, auditColumns, auditValues } from './audit-event'
import { preparedRow, type Statement } from './prepared'
import type { Database } from './schema'

/** One row about one patient, as far as the caller may see it; with an event, the read is audited in the same statement. */
export type OneRow<V, O> = (
  db: Kysely<Database>,
  caller: Caller,
  values: V,
  event?: AuditEvent,
) => Promise<O | undefined>

/**
 * A prepared select of one row about one patient, for each role. With an event it appends, where there is a row, that
 * event with the row's patient: one statement, so that neither exists without the other.
 */
export function preparedOneRow<V extends Record<string, unknown>, O extends { patientId: string }>(
  select: (db: Kysely<Database>, caller: Caller, values: V) => Expression<O> & Statement<O>,
): OneRow<V, O> {
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
