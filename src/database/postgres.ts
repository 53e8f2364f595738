import { createHash } from 'node:crypto'
import {
  CamelCasePlugin,
  type DatabaseConnection,
  Kysely,
  PostgresDialect,
  SingleConnectionProvider,
  Transaction,
} from 'kysely'
import pg from 'pg'
import type { Config } from '../config'
import { connectionOptions } from './connection'
import type { Database } from './schema'

export type Rows = Record<string, unknown>[]

export type Postgres = {
  db: Kysely<Database>
  pool: pg.Pool
  /**
   * One transaction at READ COMMITTED. `opening` statements (complete SQL, no parameters) are sent with BEGIN in one
   * round trip; each sees a fresh snapshot, and `run` receives their rows. Any error rolls back.
   */
  transaction<T>(opening: string[], run: (trx: Transaction<Database>, opened: Rows[]) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** COMMIT was sent and no result arrived: the work may or may not be committed. */
export class UnknownOutcomeError extends Error {
  override name = 'UnknownOutcomeError'
}

const PREPARED_LIMIT = 1000
const preparedNames = new Map<string, string>()

function preparedName(text: string): string | undefined {
  let name = preparedNames.get(text)
  if (name === undefined && preparedNames.size < PREPARED_LIMIT) {
    name = createHash('sha1').update(text).digest('base64url')
    preparedNames.set(text, name)
  }
  return name
}

/** Names each parametrised statement, so that a connection parses and plans it once. */
class PreparingClient extends pg.Client {
  // @ts-expect-error pg types `query` by a dozen overloads; only the (text, values) form is changed here.
  override query(query: unknown, values?: unknown, callback?: unknown): unknown {
    const prepared =
      typeof query === 'string' && Array.isArray(values) ? { name: preparedName(query), text: query, values } : query
    const base = super.query.bind(this) as unknown as (...args: unknown[]) => unknown
    return prepared === query ? base(query, values, callback) : base(prepared, callback)
  }
}

/** `date` and `time` stay strings (pg would make Dates of local midnight). A bigint is a count here and fits a number. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (oid === 1082 || oid === 1083) return (value: string) => value
    if (oid === 20) return Number
    return pg.types.getTypeParser(oid, format as 'text')
  }) as pg.CustomTypesConfig['getTypeParser'],
}

/** Opens the pool; nothing connects before the first query, so this never fails for a database that is down. */
export function openPostgres(config: Config['postgres'], onError: (error: Error) => void): Postgres {
  const pool = new pg.Pool({
    ...connectionOptions(config, { ...config, name: 'clinic-api', idleInTransactionMs: 15_000 }),
    max: config.poolSize,
    idleTimeoutMillis: 30_000,
    types,
    Client: PreparingClient as unknown as typeof pg.Client,
  })
  // pg.Pool handles `error` on idle clients only; on a checked-out one it would crash the process.
  pool.on('connect', (client) => client.on('error', onError))
  pool.on('error', onError)
  const dialect = new PostgresDialect({ pool })
  const db = new Kysely<Database>({ dialect, plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })] })

  return {
    db,
    pool,
    async transaction(opening, run) {
      const client = await pool.connect()
      try {
        const results = await client.query(['begin', ...opening].join(';'))
        const opened = (Array.isArray(results) ? results.slice(1) : []).map((result: pg.QueryResult) => result.rows)
        const value = await run(transactionOn(client, db, dialect), opened)
        await commit(client)
        return value
      } catch (error) {
        if (!(error instanceof UnknownOutcomeError)) await client.query('rollback').catch(() => {})
        throw error
      } finally {
        // A client that is still in a transaction is destroyed: the next user would run inside it.
        client.release(statusOf(client) !== 'I')
      }
    },
    // Not db.destroy(): Kysely does not close a pool that only these transactions have used.
    close: async () => {
      if (!pool.ending) await pool.end()
    },
  }
}

async function commit(client: pg.PoolClient): Promise<void> {
  let result: pg.QueryResult
  try {
    result = await client.query('commit')
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code && !/^(57P|08)/.test(error.code)) throw error
    throw new UnknownOutcomeError('the connection was lost after COMMIT was sent', { cause: error })
  }
  if (result.command === 'ROLLBACK') throw new Error('the transaction had failed before COMMIT')
}

/** pg 8.16 added the method; its types have not followed. */
const statusOf = (client: pg.PoolClient) =>
  (client as unknown as { getTransactionStatus(): 'I' | 'T' | 'E' | null }).getTransactionStatus()

function transactionOn(client: pg.PoolClient, db: Kysely<Database>, dialect: PostgresDialect): Transaction<Database> {
  const connection: DatabaseConnection = {
    async executeQuery({ sql, parameters }) {
      const { rows, rowCount } = await client.query(sql, parameters as unknown[])
      return { rows, numAffectedRows: rowCount === null ? undefined : BigInt(rowCount) }
    },
    streamQuery() {
      throw new Error('streaming inside a transaction is not supported')
    },
  }
  const executor = db.getExecutor().withConnectionProvider(new SingleConnectionProvider(connection))
  return new Transaction<Database>({ config: { dialect }, dialect, driver: dialect.createDriver(), executor })
}
