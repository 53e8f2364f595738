import {
  CamelCasePlugin,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
} from 'kysely'
import type { Database } from '../../src/database/schema'
import type { TestApp } from './app'

type PlanNode = { 'Node Type': string; 'Relation Name'?: string; 'Index Name'?: string; Plans?: PlanNode[] }

/**
 * How PostgreSQL reads each table in the first statement that `run` sends: the names of the indexes, with `only` after
 * an index-only scan, or `seq scan`. The `db` of `run` sends nothing; the statement is explained on the test's
 * database, whose statistics must be fresh.
 */
export async function scansOf(
  { deps }: Pick<TestApp, 'deps'>,
  run: (db: Kysely<Database>) => Promise<unknown>,
): Promise<Record<string, string[]>> {
  const { sql, parameters } = await firstStatement(run)
  const { rows } = await deps.postgres.pool.query(`explain (format json) ${sql}`, [...parameters])
  const scans: Record<string, Set<string>> = {}
  const visit = (node: PlanNode, table = node['Relation Name']): void => {
    const name = nameOf(node)
    if (table && name) {
      scans[table] ??= new Set()
      scans[table].add(name)
    }
    // A bitmap scan names the index in a child that does not name the table.
    for (const child of node.Plans ?? []) visit(child, child['Relation Name'] ?? (isBitmap(child) ? table : undefined))
  }
  visit(rows[0]['QUERY PLAN'][0].Plan)
  return Object.fromEntries(Object.entries(scans).map(([table, names]) => [table, [...names].sort()]))
}

function nameOf({ 'Node Type': type, 'Index Name': index }: PlanNode): string | undefined {
  if (type === 'Index Only Scan') return `${index} only`
  return type === 'Seq Scan' ? 'seq scan' : index
}

const isBitmap = (node: PlanNode) => node['Node Type'].startsWith('Bitmap')

async function firstStatement(run: (db: Kysely<Database>) => Promise<unknown>) {
  const statements: { sql: string; parameters: readonly unknown[] }[] = []
  const recorder = new Kysely<Database>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new PostgresIntrospector(db),
      createQueryCompiler: () => new PostgresQueryCompiler(),
    },
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
    log: ({ query }) => void statements.push(query),
  })
  await run(recorder)
  return statements[0]!
}
