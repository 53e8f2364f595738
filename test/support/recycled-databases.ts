import pg from 'pg'
import type { PostgresConnection } from '../../db/migrate'
import type { Config } from '../../src/config'
import { openPostgres, type Postgres } from '../../src/database/postgres'
import { createDatabases, type Databases, newDatabaseName } from './databases'

/** Catalogs that show whether a test file changed more than rows: schema and statistics. */
const CATALOGS = ['class', 'attribute', 'constraint', 'index', 'trigger', 'proc', 'statistic'].map(
  (name) => `pg_${name}`,
)
/** One catalog holds the settings of all databases and roles; these apply to a test's connections. */
const SETTINGS = `(select xmin from pg_db_role_setting
  where setdatabase in (0, (select oid from pg_database where datname = current_database()))
    and setrole in (0, (select oid from pg_roles where rolname = current_user))) as settings`
/** Bytes. Deleted rows leave their pages behind, and later scans read them. */
const MOST_GROWTH = 16 * 1024 ** 2
/** Objects with a lower id belong to PostgreSQL itself. */
const FIRST_OF_OURS = 16_384

type State = { schema: string; bytes: number }
type KeptPool = Postgres & { settings: string; backends: Set<number> }
type Kept = { databases: Databases; pool?: KeptPool }

/** The recycled databases that the test files of this process use in turn. */
let free: Kept | undefined
/** The state of a new database, and the SQL that restores its rows to that state. */
let asNew: Promise<State & { emptying: string }> | undefined

/**
 * Databases for one test file, in the state of new ones. The PostgreSQL database of the previous file is recycled:
 * emptying it is faster than creating one, and its connections have planned most statements. After a file that changed
 * more than rows, a new database is created.
 */
export async function borrowDatabases() {
  const last = free
  free = undefined
  const kept: Kept = last && (await makeAsNew(last)) ? last : { databases: await createDatabases() }
  asNew ??= inspect(kept.databases.postgres)
  await asNew
  return {
    environment: { ...kept.databases.environment, MONGODB_DATABASE: newDatabaseName() },
    /** The pool of the previous file, if its settings were the same. `close` keeps it open for the next file. */
    async openPool(config: Config['postgres']): Promise<Postgres> {
      if (kept.pool?.settings !== JSON.stringify(config)) {
        await kept.pool?.close()
        kept.pool = openKeptPool(config)
      }
      return { ...kept.pool, close: async () => {} }
    },
    async giveBack(): Promise<void> {
      if (free) await discard(kept)
      else free = kept
    },
  }
}

function openKeptPool(config: Config['postgres']): KeptPool {
  const postgres = openPostgres(config, () => {})
  const backends = new Set<number>()
  const pidOf = (client: pg.PoolClient) => (client as unknown as { processID: number }).processID
  postgres.pool.on('connect', (client) => void backends.add(pidOf(client)))
  postgres.pool.on('remove', (client) => void backends.delete(pidOf(client)))
  return { ...postgres, settings: JSON.stringify(config), backends }
}

/** Returns false, and drops the database, when it cannot be recycled for any reason. */
async function makeAsNew(kept: Kept): Promise<boolean> {
  const done = await empty(kept).catch(() => false)
  if (!done) await discard(kept)
  return done
}

/** Returns false when emptying the database is not enough. */
async function empty({ pool: kept }: Kept): Promise<boolean> {
  if (!kept || kept.pool.idleCount !== kept.pool.totalCount) return false
  // Processes that a test killed may have left connections open here.
  await kept.pool.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and pid <> all('{${[...kept.backends]}}')`)
  const { schema, bytes, emptying } = await asNew!
  const [state] = (await kept.pool.query<State>(STATE)).rows
  if (state!.schema !== schema || state!.bytes > bytes + MOST_GROWTH) return false
  await kept.pool.query(emptying)
  return true
}

async function discard({ databases, pool }: Kept): Promise<void> {
  // Not awaited: it would wait for connections that a test never released.
  void pool?.close().catch(() => {})
  await databases.drop()
}

const STATE = `select
  concat_ws(' ', ${[...CATALOGS, SETTINGS].map((name) => `(select count(*) || '/' || max(xmin::text::bigint) from ${name})`)}) as schema,
  (select sum(pg_relation_size(oid))::float8 from pg_class where oid >= ${FIRST_OF_OURS} and relkind in ('r', 'i')) as bytes`

const OUR_TABLES = `select format('%I.%I', nspname, relname) as name
  from pg_class join pg_namespace on pg_namespace.oid = relnamespace where pg_class.oid >= ${FIRST_OF_OURS} and relkind = 'r'`

async function inspect(connection: PostgresConnection): Promise<State & { emptying: string }> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const [state] = (await client.query<State>(STATE)).rows
    const tables = (await client.query<{ name: string }>(OUR_TABLES)).rows.map(({ name }) => name)
    // Triggers and foreign keys are off meanwhile, so that the tables can be emptied in any order.
    const steps = ['begin', 'set local session_replication_role = replica']
    for (const name of tables) {
      steps.push(`delete from only ${name}`)
      const { rows } = await client.query<{ all: string | null }>(`select json_agg(t)::text as all from only ${name} t`)
      const first = rows[0]!.all
      if (first)
        steps.push(
          `insert into ${name} select * from json_populate_recordset(null::${name}, ${client.escapeLiteral(first)})`,
        )
    }
    return { ...state!, emptying: [...steps, 'commit'].join(';') }
  } finally {
    await client.end()
  }
}
