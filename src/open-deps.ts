import { verifyAccessToken } from './auth/tokens'
import type { Config } from './config'
import { createLane } from './database/lane'
import { openMongo } from './database/mongo'
import { openPostgres } from './database/postgres'
import type { Deps } from './deps'
import { createLogger } from './log'

/** Opens pools and makes everything features may ask for. Nothing connects yet, so this does not fail for a database that is down. */
export function openDeps(config: Config, overrides: Partial<Pick<Deps, 'clock' | 'log'>> = {}): Deps {
  const log = overrides.log ?? createLogger(config.logLevel)
  const clock = overrides.clock ?? (() => new Date())
  const postgres = openPostgres(config.postgres, (error) => log.warn({ error }, 'a PostgreSQL connection was lost'))
  return {
    config,
    postgres,
    db: postgres.db,
    mongo: openMongo(config.mongo),
    clock,
    log,
    bookingLane: createLane(4, 8_000),
    passwordLane: createLane(Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1), 10_000),
    authenticate: (token) => verifyAccessToken(config, token, clock()),
    draining: { value: false },
  }
}

export async function closeDeps({ postgres, mongo }: Deps): Promise<void> {
  await Promise.all([postgres.close(), mongo.close()])
}
