import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table payment_events
      add column attempts integer not null default 0,
      add column retry_at timestamptz(3)`.execute(db)
}
