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
        as payment_events`.execute(db)
  return rows[0]!
}
