import { PgBoss } from 'pg-boss'
import type { Config } from '../config'
import { connectionOptions } from '../database/connection'
import type { Logger } from '../log'

const REPORT_EVERY_MS = 30_000

/** Runs nothing by itself: workers and upkeep are started by `work`. */
export function openBoss(
  config: Omit<Config['postgres'], 'poolSize'>,
  log: Pick<Logger, 'warn'>,
  schema = 'pgboss',
): PgBoss {
  const boss = new PgBoss({
    schema,
    ...connectionOptions(config, { ...config, name: 'clinic-api jobs', idleInTransactionMs: 60_000 }),
    max: 2,
    // `installJobs` makes it, so that a role without the right to create schemas can use an existing one.
    createSchema: false,
    supervise: false,
    schedule: false,
    registerInstance: false,
    openTelemetry: { enabled: false },
  })
  let reportedAt = Number.NEGATIVE_INFINITY
  boss.on('error', (error) => {
    // Every poll fails while the database is down.
    if (performance.now() - reportedAt < REPORT_EVERY_MS) return
    reportedAt = performance.now()
    log.warn({ error }, 'the job queue cannot use its database')
  })
  return boss
}
