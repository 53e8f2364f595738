import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table payment_entries
      add column attempts integer not null default 0,
      add column retry_at timestamptz(3)`.execute(db)
  await sql`
    alter table payments
      add column release_attempts integer not null default 0,
      add column release_retry_at timestamptz(3)`.execute(db)
}
