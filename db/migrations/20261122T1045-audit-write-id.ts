import { type Kysely, sql } from 'kysely'

/** The fixed id of a clinical write under way, which is not always that of the thing it is about. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table audit_outbox add column write_id uuid`.execute(db)
}
