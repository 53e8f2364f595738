import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table payment_events
      add column raw bytea,
      add column needs_attention boolean not null default false`.execute(db)
  // For the list of what a person must look at: few rows.
  await sql`create index payment_events_attention on payment_events (received_at) where needs_attention`.execute(db)
}
