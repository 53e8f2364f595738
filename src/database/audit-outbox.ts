import { type Kysely, sql } from 'kysely'
import { unavailable } from '../errors'
import { type AuditEvent, auditColumns, auditRecord, auditRecordMembers } from './audit-event'
import { batched } from './batching'
import { isRetryable } from './constraints'
import { prepared } from './prepared'
import type { Database } from './schema'

/** Appends to the outbox in the caller's transaction. */
export async function appendAuditEvent(db: Kysely<Database>, ...events: AuditEvent[]): Promise<void> {
  await db.insertInto('auditOutbox').values(events).execute().catch(refuseUnaudited)
}

const audited = new WeakSet<object>()

/** Marks an error whose request needs no event any more: it has one already, or none can be written. */
export function markAudited<E>(error: E): E {
  if (typeof error === 'object' && error !== null) audited.add(error)
  return error
}

export const isAudited = (error: unknown) => typeof error === 'object' && error !== null && audited.has(error)

/** No audit row, no answer: whatever keeps an event out of the outbox fails its request as unavailable. */
export function refuseUnaudited(error: unknown): never {
  if (isRetryable(error)) throw error
  throw markAudited(unavailable('The audit trail cannot be written at the moment.', error))
}

export type AuditWriter = {
  /** Appends outside of any transaction; resolves once the event is committed. */
  append(event: AuditEvent): Promise<void>
}

const LARGEST_INSERT = 200

/** Requests share INSERTs, so that a busy API commits once for many events. */
export function createAuditWriter(db: Kysely<Database>): AuditWriter {
  const append = batched((events: AuditEvent[]) => insertEvents(db, { events: JSON.stringify(events) }), {
    largest: LARGEST_INSERT,
  })
  return { append: (event) => append(event).then(() => {}, refuseUnaudited) }
}

/** One statement text for any number of events: they come as one JSON array. */
const insertEvents = prepared(
  (_db, { events }: { events: string }) => sql`
    insert into audit_outbox (${auditColumns()})
    select ${auditRecordMembers()} from json_to_recordset(${events}::json) as event (${auditRecord()})`,
)
