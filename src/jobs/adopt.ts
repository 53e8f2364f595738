import pg from 'pg'
import type { Connection } from '../database/connection'
import { type Timeouts, withSession } from './schema'

const FORMER = 'pgboss'
const BATCH = 1_000

/**
 * Moves the jobs that an earlier release has queued in `pgboss` for an installation in another schema than `public`: nobody
 * works them there any more. They keep their ids. Jobs that an older copy is running stay until they have expired, so that
 * none runs twice; then they are retried. Returns the number of jobs moved.
 */
export async function adoptFormerJobs(connection: Connection & Timeouts, schema: string): Promise<number> {
  if (schema === FORMER) return 0
  return withSession(connection, async (session) => {
    if (!(await isOwner(session))) return 0
    const { rows } = await session.query<{ name: string }>(COLUMNS, [
      `${FORMER}.job`,
      `${pg.escapeIdentifier(schema)}.job`,
    ])
    const names = rows.map(({ name }) => pg.escapeIdentifier(name))
    if (names.length === 0) return 0
    const moved = await session.query(move(pg.escapeIdentifier(schema), names))
    return moved.rowCount ?? 0
  })
}

/** Earlier releases allowed one installation in a database: the oldest of those that are there now. */
async function isOwner(session: pg.Client): Promise<boolean> {
  const { rows } = await session.query<{ schema: string; own: boolean; readable: boolean }>(INSTALLATIONS)
  if (rows.length === 0 || rows.some(({ schema, readable }) => schema === 'public' || !readable)) return false
  const starts = rows.map(
    ({ schema, own }) =>
      `select ${own} as own, min(timestamp) as since from ${pg.escapeIdentifier(schema)}.kysely_migration`,
  )
  const oldest = await session.query<{ own: boolean }>(`${starts.join(' union all ')} order by since limit 1`)
  return oldest.rows[0]!.own
}

/** None if there is no former queue, or if this role may not use it. */
const INSTALLATIONS = `select n.nspname as schema, n.nspname = current_schema() as own,
  has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as readable
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relname = 'kysely_migration'
    and exists (select 1 from pg_class a where a.relnamespace = n.oid and a.relname = 'appointments')
    and exists (select 1 from pg_namespace f join pg_class j on j.relnamespace = f.oid and j.relname = 'job'
      where f.nspname = '${FORMER}' and has_schema_privilege(f.oid, 'usage') and has_table_privilege(j.oid, 'delete'))`

/** Those that both queues have: they may be of different versions. */
const COLUMNS = `select attname as name from pg_attribute
  where attrelid in (to_regclass($1), to_regclass($2)) and attnum > 0 and not attisdropped
  group by attname having count(*) = 2`

function move(schema: string, names: string[]): string {
  const state = `(case state::text when 'active' then 'retry' else state::text end)::${schema}.job_state`
  const values = names.map((name) => (name === '"state"' ? state : name))
  return `with taken as (
      select name, id from ${FORMER}.job
        where name in (select name from ${schema}.queue)
          and (state in ('created', 'retry') or state = 'active' and started_on + expire_seconds * interval '1 second' < now())
        limit ${BATCH} for update skip locked
    ), moved as (
      delete from ${FORMER}.job using taken where job.name = taken.name and job.id = taken.id
        returning ${names.map((name) => `job.${name}`).join(', ')}
    )
    insert into ${schema}.job (${names.join(', ')}) select ${values.join(', ')} from moved`
}
