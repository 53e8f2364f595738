import { type Expression, type Kysely, sql } from 'kysely'
import type { Caller, Identity, Role } from '../actor'
import { type AuditEvent, auditColumns, auditRecord, auditRecordMembers } from './audit-event'
import { batched } from './batching'
import { prepared, preparedRow, type Statement } from './prepared'
import type { Database } from './schema'

type ById = { id: string }
type Select<O> = (db: Kysely<Database>, identity: Identity, values: ById) => Expression<O> & Statement<O>
type Read = { caller: Caller; id: string; event: AuditEvent }

/** Finds one row about one patient if the caller may see it. Given an event, the same statement audits the read. */
export type FindOneRow<O> = (
  db: Kysely<Database>,
  caller: Caller,
  values: ById,
  event?: AuditEvent,
) => Promise<O | undefined>

/** One batch is read while the API works on the answers of the other. */
const BATCHES = { largest: 32, width: 2 }

/**
 * A prepared select of one row about one patient, compiled once per role. With an event, reads of the same moment share one
 * statement, which appends an event with the row's patient for each row it finds: no row is read without its event.
 */
export function preparedOneRow<O extends { patientId: string }>(select: Select<O>): FindOneRow<O> {
  const find = preparedRow(select, ['role'])
  const batches = new WeakMap<Kysely<Database>, Map<Role, (read: Read) => Promise<O | undefined>>>()

  function batchOf(db: Kysely<Database>, role: Role) {
    const byRole = batches.get(db) ?? new Map()
    batches.set(db, byRole)
    const batch = byRole.get(role) ?? batchedReads(db, role, select)
    byRole.set(role, batch)
    return batch
  }

  return (db, caller, { id }, event) =>
    event ? batchOf(db, caller.role)({ caller, id, event }) : find(db, caller, { id })
}

function batchedReads<O extends { patientId: string }>(db: Kysely<Database>, role: Role, select: Select<O>) {
  const findAll = prepared((db, { reads }: { reads: string }) => selectAudited(select(db, identityOf(role), ID), reads))
  return batched(async (reads: Read[]) => {
    const asked = reads.map(({ caller: { userId, doctorId }, id, event }, nth) => ({
      ...event,
      nth,
      userId,
      doctorId,
      wantedId: id,
    }))
    const found: (O | undefined)[] = reads.map(() => undefined)
    for (const { nth, ...row } of await findAll(db, { reads: JSON.stringify(asked) })) found[nth] = row as unknown as O
    return found
  }, BATCHES)
}

/** Columns of `asked` in place of the values of one read. */
const column = (name: string) => sql.raw(`asked."${name}"`) as unknown as string
const ID: ById = { id: column('wantedId') }
const identityOf = (role: Role): Identity => ({ role, userId: column('userId'), doctorId: column('doctorId') })

/** `offset 0` keeps PostgreSQL from planning one join of all reads, for which it would scan whole tables. */
const selectAudited = <O>(select: Expression<O>, reads: string) => sql<O & { nth: number }>`
  with asked as (
    select asked.* from json_to_recordset(${reads}::json)
      as asked (nth integer, "userId" uuid, "doctorId" uuid, "wantedId" uuid, ${auditRecord()})
  ), seen as (
    select asked.nth, one.* from asked cross join lateral (select found.* from ${select} as found offset 0) as one
  ), audited as (
    insert into audit_outbox (${auditColumns()})
    select ${auditRecordMembers('asked', { patientIds: sql`array[seen.patient_id]` })} from seen join asked using (nth)
  )
  select seen.* from seen`
