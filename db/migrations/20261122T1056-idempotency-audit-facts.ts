import { type Kysely, sql } from 'kysely'

/** What the audit event of the first request named, for those of its replays. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table idempotency_keys
      add column patient_ids uuid[] not null default '{}',
      add column target_id uuid`.execute(db)
}
