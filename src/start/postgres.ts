import pg from 'pg'
import { migrate } from '../../db/migrate'
import type { Config } from '../config'
import { connectionOptions } from '../database/connection'
import { asUnavailable } from '../database/constraints'
import { explainPostgres } from '../database/explain-postgres'
import { keepsServerProcess } from '../database/pooler'
import { checkRequirements, UnusableDatabaseError } from '../database/requirements'
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
      await refusePooledTransactions(config.postgres)
      if (config.migrateOnStart) await migrate(config.postgres, (line) => log.info({}, line))
      else await check(config.postgres)
      return undefined
    } catch (error) {
      const reason = explainPostgres(error, config.postgres)
      log.error({ error, attempt, reason }, 'the database could not be migrated')
      if (!asUnavailable(error) || attempt === ATTEMPTS) return reason
      await Bun.sleep(BETWEEN_ATTEMPTS_MS)
    }
  }
}

async function refusePooledTransactions(postgres: Config['postgres']): Promise<void> {
  if (await keepsServerProcess(postgres)) return
  throw new UnusableDatabaseError(
    `${postgres.host}:${postgres.port} is a pooler that gives each transaction another connection: use pool_mode=session, or connect to PostgreSQL itself.`,
  )
}

async function check(postgres: Config['postgres']): Promise<void> {
  const purpose = { ...postgres, name: 'clinic-api start', idleInTransactionMs: 15_000 }
  const { onConnect, ...options } = connectionOptions(postgres, purpose)
  const client = new pg.Client(options)
  client.on('error', () => {})
  try {
    await client.connect()
    await onConnect(client)
    await checkRequirements(client, { migrates: false })
  } finally {
    await client.end()
  }
}
