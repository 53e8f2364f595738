import type pg from 'pg'
import { migrate } from '../../db/migrate'
import { isUpToDate } from '../../db/up-to-date'
import type { Config } from '../config'
import { asUnavailable } from '../database/constraints'
import { explainPostgres } from '../database/explain-postgres'
import { askFirstSession } from '../database/pooler'
import { DATABASE_FACTS, type DatabaseFacts, requireUsable, UnusableDatabaseError } from '../database/requirements'
import type { Logger } from '../log'

const ATTEMPTS = 15
const BETWEEN_ATTEMPTS_MS = 2_000

/**
 * Checks PostgreSQL and migrates it; waits while it is starting. The migrations take a lock, so copies that start together
 * are safe. Resolves with a sentence for the operator if PostgreSQL cannot be used, else with undefined.
 */
export async function preparePostgres(
  config: Pick<Config, 'postgres' | 'migrateOnStart'>,
  log: Logger,
): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      if (!(await isPrepared(config))) await migrate(config.postgres, (line) => log.info({}, line))
      return undefined
    } catch (error) {
      const reason = explainPostgres(error, config.postgres)
      log.error({ error, attempt, reason }, 'the database could not be migrated')
      if (!asUnavailable(error) || attempt === ATTEMPTS) return reason
      await Bun.sleep(BETWEEN_ATTEMPTS_MS)
    }
  }
}

/** Throws if PostgreSQL cannot be used as it is; false if it must be migrated, or may have to be. */
async function isPrepared({ postgres, migrateOnStart }: Pick<Config, 'postgres' | 'migrateOnStart'>): Promise<boolean> {
  const { keepsProcess, answer } = await askFirstSession(postgres, async (session) =>
    migrateOnStart ? isUpToDate(session, postgres) : factsOf(session),
  )
  if (!keepsProcess)
    throw new UnusableDatabaseError(
      `${postgres.host}:${postgres.port} is a pooler that gives each transaction another connection: use pool_mode=session, or connect to PostgreSQL itself.`,
    )
  if (typeof answer === 'object') requireUsable(answer, { migrates: false })
  return answer !== false
}

async function factsOf(session: pg.Client): Promise<DatabaseFacts> {
  const { rows } = await session.query<DatabaseFacts>(DATABASE_FACTS)
  return rows[0]!
}
