import { type Kysely, sql } from 'kysely'
import type { Database } from './schema'

/**
 * Identifies the schema that this copy uses: two copies with the same id serve the same data, by whatever address they
 * reach it. Stays the same over restarts and failovers.
 */
export async function findDatabaseId(db: Kysely<Database>): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    select left(encode(sha256(convert_to(concat_ws('/', system_identifier, oid, current_schema()), 'UTF8')), 'hex'), 32) as id
    from pg_control_system(), pg_database where datname = current_database()`.execute(db)
  return rows[0]!.id
}
