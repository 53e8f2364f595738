import { type Kysely, sql } from 'kysely'

/** The fixed id of a pending clinical write. It can differ from the id of the document: an amendment has its own. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table audit_outbox add column write_id uuid`.execute(db)
}
