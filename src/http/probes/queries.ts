import { type Kysely, sql } from 'kysely'
import type { Database } from '../../database/schema'

/** Counting stops here, and partial indexes hold the rows, so that a scrape stays cheap. */
const MOST_COUNTED = 10_000

export type Backlog = {
  auditEvents: number
  /** When the oldest of them occurred. */
  auditOldest: Date | null
  clinicalWrites: number
  holds: number
  paymentEvents: number
  payments: number
}

/** Work that waits, and events that wait for a person. */
export async function countBacklog(db: Kysely<Database>): Promise<Backlog> {
  const { rows } = await sql<Backlog>`
    select
      (select count(*)::int from (select id from audit_outbox where outcome <> 'pending' limit ${MOST_COUNTED}) rows)
        as audit_events,
      (select occurred_at from audit_outbox where outcome <> 'pending' order by id limit 1) as audit_oldest,
      (select count(*)::int from (select occurred_at from audit_outbox where outcome = 'pending' limit ${MOST_COUNTED}) rows)
        as clinical_writes,
      (select count(*)::int from (select hold_expires_at from appointments where status = 'held' limit ${MOST_COUNTED}) rows)
        as holds,
      (select count(*)::int from (select received_at from payment_events where needs_attention limit ${MOST_COUNTED}) rows)
        as payment_events,
      (select count(distinct payment_id)::int from (select payment_id from payments_needing_attention limit ${MOST_COUNTED}) rows)
        as payments`.execute(db)
  return rows[0]!
}

/** Jobs that wait, by queue, those of the dead-letter queue included. `schema` is that of the job queue. */
export async function countJobs(db: Kysely<Database>, schema: string): Promise<Record<string, number>> {
  const { rows } = await sql<{ name: string; waiting: number }>`
    select name, (
      select count(*)::int from (
        select from ${sql.id(schema, 'job')} as job
        where job.name = queue.name and state < 'active' and not blocked limit ${MOST_COUNTED}) rows) as waiting
    from ${sql.id(schema, 'queue')} as queue`.execute(db)
  return Object.fromEntries(rows.map(({ name, waiting }) => [name, waiting]))
}
