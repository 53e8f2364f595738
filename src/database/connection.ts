import type { EventEmitter } from 'node:events'
import pg from 'pg'

/** Where PostgreSQL is, and as whom to sign in. */
export type Connection = {
  host: string
  port: number
  user: string
  password: string
  database: string
  /** In place of the search path of the role. */
  schema?: string | undefined
}

type Purpose = {
  /** Shown in `pg_stat_activity`. */
  name: string
  connectTimeoutMs: number
  /** Milliseconds; 0 is no limit. */
  statementTimeoutMs: number
  lockTimeoutMs: number
  idleInTransactionMs: number
}

/** Settings that change what a value looks like or what a transaction sees, as this code expects them. */
const EXPECTED = {
  client_encoding: 'UTF8',
  DateStyle: 'ISO, MDY',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  bytea_output: 'hex',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  transform_null_equals: 'off',
  default_transaction_isolation: 'read committed',
}

type Session = { query(statement: string): Promise<unknown> }
const READ_ONLY = '25006'

/**
 * The options of every connection to PostgreSQL. `onConnect` makes the session's settings independent of those of server,
 * database and role, in one round trip; pg.Pool waits for it and destroys the client if it fails. They are no startup
 * parameters, since PgBouncer refuses those.
 */
export function connectionOptions(connection: Connection, purpose: Purpose) {
  const { host, port, user, password, database, schema } = connection
  const values = {
    ...EXPECTED,
    statement_timeout: `${purpose.statementTimeoutMs}`,
    lock_timeout: `${purpose.lockTimeoutMs}`,
    idle_in_transaction_session_timeout: `${purpose.idleInTransactionMs}`,
  }
  const settings = settingsStatement(values, schema)
  return {
    host,
    port,
    user,
    password,
    database,
    connectionTimeoutMillis: purpose.connectTimeoutMs,
    application_name: purpose.name,
    onConnect: async (client: Session): Promise<void> => {
      endWhenReadOnly(client)
      await client.query(settings)
    },
  }
}

/** After a failover the server of an open connection is read-only: the next connection may reach the new primary. */
function endWhenReadOnly(client: Session): void {
  const { connection, end } = client as Partial<{ connection: EventEmitter; end: () => Promise<void> }>
  connection?.on('errorMessage', ({ code }: { code?: string }) => {
    if (code === READ_ONLY) void end?.call(client).catch(() => {})
  })
}

function settingsStatement(settings: Record<string, string>, schema: string | undefined): string {
  const calls = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', ${pg.escapeLiteral(value)}, false)`,
  )
  if (schema !== undefined) calls.push(`set_config('search_path', ${searchPath(schema)}, false)`)
  return `select ${calls.join(', ')}`
}

/** SQL for the path of a schema, with the schemas of the extensions behind it. */
const searchPath = (schema: string) => `concat_ws(', ', ${pg.escapeLiteral(pg.escapeIdentifier(schema))},
  (select string_agg(distinct quote_ident(nspname), ', ') from pg_extension join pg_namespace n on n.oid = extnamespace
    where extname in ('btree_gist', 'pg_trgm') and nspname <> ${pg.escapeLiteral(schema)}))`
