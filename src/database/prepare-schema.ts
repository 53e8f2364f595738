import type { Pool } from 'pg'
import { type Connection, connectionOptions } from './connection'

type Facts = { schemaExists: boolean; missing: string[]; inPublic: boolean }

/**
 * Makes the schema that the connection names, and puts missing extensions into `public` in place of the schema of one
 * organisation: an extension exists once in a database, and the others would not find it. `pool` has one connection.
 */
export async function prepareSchema(pool: Pool, connection: Connection): Promise<void> {
  const { schema } = connection
  const { rows } = await pool.query<Facts>(FACTS, [schema ?? null])
  const { schemaExists, missing, inPublic } = rows[0]!
  if (schema !== undefined && !schemaExists) await pool.query(`create schema if not exists ${schema}`)
  if (missing.length === 0 || !inPublic) return
  for (const name of missing) await pool.query(`create extension if not exists ${name} schema public`)
  const purpose = {
    name: '',
    connectTimeoutMs: 0,
    statementTimeoutMs: 0,
    lockTimeoutMs: 10_000,
    idleInTransactionMs: 0,
  }
  await connectionOptions(connection, purpose).onConnect(pool)
}

const FACTS = `select to_regnamespace($1::text) is not null as "schemaExists",
  array(select wanted from unnest('{btree_gist,pg_trgm}'::text[]) as wanted
    where wanted in (select name from pg_available_extensions where installed_version is null)) as missing,
  to_regnamespace('public') is not null and has_database_privilege(current_database(), 'create')
    and current_schema() is distinct from 'public'
    and ($1::text is not null or 'public' = any(current_schemas(false))) as "inPublic"`
