import { type Kysely, sql } from 'kysely'
import { unavailable } from '../errors'
import { type AuditEvent, auditColumns, auditRecord, auditRecordMembers } from './audit-event'
import { batched } from './batching'
import { isRetryable } from './constraints'
import { prepared } from './prepared'
import type { Database } from './schema'

/** Appends events in the caller's transaction. Throws `unavailable` if the outbox does not accept them. */
export async function appendAuditEvent(db: Kysely<Database>, ...events: AuditEvent[]): Promise<void> {
  await db.insertInto('auditOutbox').values(events).execute().catch(refuseUnaudited)
}

const audited = new WeakSet<object>()

/** Marks an error so that no further event is written for its request: there is one already, or none can be written. */
export function markAudited<E>(error: E): E {
  if (typeof error === 'object' && error !== null) audited.add(error)
  return error
}

export const isAudited = (error: unknown) => typeof error === 'object' && error !== null && audited.has(error)

/** Turns the error of an audit insert into 503: no request succeeds without its event. Rethrows retryable errors. */
export function refuseUnaudited(error: unknown): never {
  if (isRetryable(error)) throw error
  throw markAudited(unavailable('The audit trail cannot be written at the moment.', error))
}

export type AuditWriter = {
  /** Appends outside of any transaction; resolves once the event is committed. */
  append(event: AuditEvent): Promise<void>
}

const LARGEST_INSERT = 200

/** Inserts events in batches, so that a busy API commits once for many of them. */
export function createAuditWriter(db: Kysely<Database>): AuditWriter {
  const append = batched((events: AuditEvent[]) => insertEvents(db, { events: JSON.stringify(events) }), {
    largest: LARGEST_INSERT,
  })
  return { append: (event) => append(event).then(() => {}, refuseUnaudited) }
}

/** Events are passed as one JSON array, so that the statement's text is the same for any number of them. */
const insertEvents = prepared(
  (_db, { events }: { events: string }) => sql`
    insert into audit_outbox (${auditColumns()})
    select ${auditRecordMembers('event')} from json_to_recordset(${events}::json) as event (${auditRecord()})`,
)
