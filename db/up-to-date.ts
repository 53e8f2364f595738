import pg from 'pg'
import type { Connection } from '../src/database/connection'
import { DATABASE_FACTS, type DatabaseFacts } from '../src/database/requirements'
import { areJobsInstalled, type InstalledJobs, installedJobs } from '../src/jobs/installed'
import { migrations } from './migrate'

type Session = { query(statement: string): Promise<unknown> }
type State = { facts: DatabaseFacts; migrations: string[]; jobs: InstalledJobs }

/**
 * Whether `migrate` would change nothing, found in one round trip and without locks. False whenever that is not certain:
 * then `migrate` finds out, and says what is wrong.
 */
export async function isUpToDate(session: Session, connection: Connection): Promise<boolean> {
  const schema = connection.schema ?? 'public'
  try {
    const { rows } = (await session.query(stateOf(schema))) as { rows: State[] }
    const { facts, migrations: applied, jobs } = rows[0]!
    return (
      facts.schema === schema &&
      facts.mayCreateTables &&
      facts.extensions.every(({ schema: home, onPath }) => home !== null && onPath) &&
      applied.length === Object.keys(migrations).length &&
      applied.every((name) => name in migrations) &&
      areJobsInstalled(jobs)
    )
  } catch (error) {
    // Without a table or a right the statement fails as a whole.
    if (error instanceof pg.DatabaseError) return false
    throw error
  }
}

const stateOf = (schema: string) => `
  select (select row_to_json(facts) from (${DATABASE_FACTS}) facts) as facts,
    array(select name::text from ${pg.escapeIdentifier(schema)}.kysely_migration) as migrations,
    (${installedJobs(schema)}) as jobs`
