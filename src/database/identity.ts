import type { Postgres } from './postgres'

/**
 * Identifies the schema that this copy uses: two copies with the same id serve the same data, by whatever address they
 * reach it. Stays the same over restarts and failovers.
 */
export async function findDatabaseId({ pool }: Postgres): Promise<string> {
  return (await inspectDatabase({ pool })).id
}

/** The id, and whether the server refuses writes. A connection to a server that does is not used again. */
export async function inspectDatabase({ pool }: Pick<Postgres, 'pool'>): Promise<{ id: string; readOnly: boolean }> {
  const client = await pool.connect()
  let usable = false
  try {
    const { rows } = await client.query<{ id: string; readOnly: boolean }>(INSPECTION)
    usable = !rows[0]!.readOnly
    return rows[0]!
  } finally {
    client.release(!usable)
  }
}

const INSPECTION = `
    select current_setting('transaction_read_only') = 'on' as "readOnly", left(encode(sha256(convert_to(concat_ws('/', system_identifier, oid, current_schema()), 'UTF8')), 'hex'), 32) as id
    from pg_control_system(), pg_database where datname = current_database()`
