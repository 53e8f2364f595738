import { type Kysely, sql } from 'kysely'

/** The patients and the target of the first request's audit event, for the events of its replays. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`
    alter table idempotency_keys
      add column patient_ids uuid[] not null default '{}',
      add column target_id uuid`.execute(db)
}
