import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { postgresBinaries } from '../../db/embedded/postgres-binaries'
import { printTable } from './bench'

/** What PostgreSQL did for one kind of statement. */
export type Statement = { query: string; calls: number; plans: number; planMs: number; runMs: number }

/** Settings that PostgreSQL must start with so that its statements can be counted; undefined if it cannot count them. */
export const COUNTING = existsSync(join(postgresBinaries(), 'share/postgresql/extension/pg_stat_statements.control'))
  ? { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.track_planning': 'on' }
  : undefined

const OURS = 'bench counting'

/** Counts nothing until `countStatements`, so that counting costs no CPU time while that is measured. */
export async function prepareCounting(client: pg.Client): Promise<void> {
  if (!COUNTING) return
  await client.query('create extension if not exists pg_stat_statements')
  await track(client, 'none')
}

/** The statements that the servers on the client's database sent during `work`, the most frequent first. */
export async function countStatements(client: pg.Client, work: () => Promise<unknown>): Promise<Statement[]> {
  await track(client, 'top')
  await client.query('select pg_stat_statements_reset()')
  await work()
  const { rows } = await client.query<Statement>(
    `select query, calls::int, plans::int, total_plan_time as "planMs", total_exec_time as "runMs"
    from pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database())
      and query !~ 'pg_stat_|pg_reload_conf|${OURS}'
    order by calls desc`,
  )
  await track(client, 'none')
  return rows
}

async function track(client: pg.Client, what: 'top' | 'none'): Promise<void> {
  await client.query(`alter system set pg_stat_statements.track = '${what}'`)
  await client.query('select pg_reload_conf()')
  // Sessions read the new settings soon after the call.
  for (;;) {
    const { rows } = await client.query(`select current_setting('pg_stat_statements.track') as now /* ${OURS} */`)
    if (rows[0].now === what) return
    await Bun.sleep(5)
  }
}

/** The hot statements of the requests that `run` sends; none if PostgreSQL cannot count them. */
export async function countHot(
  client: pg.Client,
  run: () => Promise<{ requests: number }>,
): Promise<{ statements: Statement[]; counted: number }> {
  if (!COUNTING) return { statements: [], counted: 0 }
  let counted = 0
  const all = await countStatements(client, async () => {
    counted = (await run()).requests
  })
  return { statements: hotStatements(all, counted), counted }
}

/** Without those of repeating tasks, which run a few times a second however many requests there are. */
const hotStatements = (statements: Statement[], requests: number): Statement[] =>
  statements.filter(({ calls }) => calls > Math.max(requests / 50, 10))

export const callsOf = (statements: Statement[], matching = /./): number =>
  statements.reduce((sum, { query, calls }) => sum + (matching.test(query) ? calls : 0), 0)

/** The plans per call of the statement that is planned anew most often. */
export const mostPlans = (statements: Statement[]): number =>
  Math.max(0, ...statements.map(({ calls, plans }) => plans / calls))

export function printStatements(statements: Statement[], requests: number): void {
  printTable(
    ['statement', 'calls a request', 'plans a call', 'planning ms a request', 'running ms a request'],
    statements.map(({ query, calls, plans, planMs, runMs }) => [
      query.replace(/\s+/g, ' ').slice(0, 70),
      (calls / requests).toFixed(3),
      (plans / calls).toFixed(3),
      (planMs / requests).toFixed(3),
      (runMs / requests).toFixed(3),
    ]),
  )
}
