import type { Kysely } from 'kysely'

export async function up(db: Kysely<never>): Promise<void> {
  // Null in keys that an earlier version stores: they replay whatever If-Match is sent.
  await db.schema.alterTable('idempotency_keys').addColumn('precondition', 'bytea').execute()
}
