import { hash, verify } from '@node-rs/bcrypt'
import { LRUCache } from 'lru-cache'
import { ASIDE_COLLECTION, AUDIT_COLLECTION } from './audit/collection'
import { createAuthenticate } from './auth/sessions/authenticate'
import { createRevocations } from './auth/sessions/revocations'
import { isKnownNetwork } from './auth/sessions/service'
import type { Config } from './config'
import { createAuditWriter } from './database/audit-outbox'
import { createFairLimiter } from './database/fair-limiter'
import { createLimiter } from './database/limiter'
import { type Mongo, openMongo } from './database/mongo'
import { openPostgres, type Postgres } from './database/postgres'
import { openRedis } from './database/redis'
import type { Deps } from './deps'
import { memoryCounters, sharedCounters } from './http/middleware/rate-limit-store'
import { createRateLimits } from './http/middleware/rate-limits'
import { addDatabaseGauges } from './http/probes/gauges'
import { addBuildInfo, addJobGauges, addRedisGauge } from './http/probes/job-gauges'
import { createJobs } from './jobs/queue'
import { createLogger } from './log'
import { createMetrics, type Metrics } from './metrics'
import { createProviders } from './payments/providers/providers'
import { receiveWebhook } from './payments/webhooks/service'
import { ATTACHMENT_COLLECTIONS } from './records/attachments/collections'
import { CLINICAL_COLLECTIONS } from './records/collections'
import { createFactsCache } from './scheduling/facts-cache'

/** Creates all dependencies. Nothing connects yet, so this works while a database is down. */
export function openDeps(config: Config, overrides: Partial<Pick<Deps, 'clock' | 'log' | 'postgres'>> = {}): Deps {
  const log = overrides.log ?? createLogger(config.logLevel, config.logFormat)
  const clock = overrides.clock ?? (() => new Date())
  const onLost = (error: Error) => log.warn({ error }, 'a PostgreSQL connection was lost')
  const postgres = overrides.postgres ?? openPostgres(config.postgres, onLost)
  const redis = config.redisUrl ? openRedis(config.redisUrl) : undefined
  const counters = redis ? sharedCounters(redis, config.tokens.accessSecret, log) : memoryCounters
  const metrics = measurePool(createMetrics(), postgres)
  const revocations = createRevocations({ config, db: postgres.db, clock, log })
  const mongo = openMongo({ ...config.mongo, setting: mongoSetting(config) }, [
    ...CLINICAL_COLLECTIONS,
    ...ATTACHMENT_COLLECTIONS,
    AUDIT_COLLECTION,
    ASIDE_COLLECTION,
  ])
  const deps: Deps = {
    config,
    postgres,
    db: postgres.db,
    mongo,
    maintenanceMongo: openForMaintenance(config.mongo, mongo),
    auditWriter: createAuditWriter(postgres.db),
    jobs: createJobs(config.postgres, log),
    clinicalLookUps: new Map(),
    redis,
    clock,
    log,
    bookingLimiter: createLimiter(4, 8_000),
    exportLimiter: createLimiter(exportWidth(config), 60_000),
    bcrypt: { hash, verify },
    passwordLimiter: createFairLimiter(Math.max(1, (navigator.hardwareConcurrency ?? 2) - 1), 10_000),
    revocations,
    authenticate: createAuthenticate({ config, clock, revocations, metrics }),
    isKnownNetwork: (email, network) => isKnownNetwork({ db: postgres.db, clock }, email, network),
    rateLimits: createRateLimits(config, counters),
    factsCache: createFactsCache(postgres.db),
    refusedStarts: new LRUCache({ max: 10_000 }),
    metrics,
    auditRelay: { stopped: undefined },
    draining: { value: false },
    paymentProviders: createProviders(config.payments, {
      clock,
      // The sandbox runs in this process: its webhooks skip the network and are then handled like any other.
      deliver: ({ rawBody, headers }) => receiveWebhook(deps, 'sandbox', rawBody, new Headers(headers)),
    }),
  }
  metrics.addGauge('audit_relay_stopped', '1 while audit:reconcile is needed before events reach MongoDB.', () =>
    deps.auditRelay.stopped ? 1 : 0,
  )
  metrics.addGauge(
    'audit_pruning_skipped',
    '1 if this copy may not delete old audit events, as MONGODB_MAINTENANCE_URI is not set.',
    () => (deps.maintenanceMongo ? 0 : 1),
  )
  addDatabaseGauges(deps)
  addJobGauges(deps)
  addRedisGauge(deps)
  addBuildInfo(deps)
  return deps
}

const MAINTENANCE = 'MONGODB_MAINTENANCE_URI'

/** A command of the maintenance user has one URI for both. */
const mongoSetting = ({ mongo: { uri, maintenanceUri } }: Config) =>
  uri === maintenanceUri ? `${MAINTENANCE} or MONGODB_URI` : 'MONGODB_URI'

/** On the same database, whatever its URI names. */
function openForMaintenance(config: Config['mongo'], { db }: Mongo): Mongo | undefined {
  const { maintenanceUri: uri } = config
  return uri === undefined
    ? undefined
    : openMongo({ uri, database: db.databaseName, poolSize: 2, setting: MAINTENANCE }, [])
}

/** A quarter of the smaller pool. */
const exportWidth = ({ mongo, postgres }: Config) =>
  Math.max(1, Math.floor(Math.min(mongo.poolSize, postgres.poolSize) / 4))

function measurePool(metrics: Metrics, { pool }: Postgres): Metrics {
  metrics.addGauge('postgres_pool_connections', 'Open connections.', () => pool.totalCount)
  metrics.addGauge('postgres_pool_idle_connections', 'Idle connections.', () => pool.idleCount)
  metrics.addGauge(
    'postgres_pool_waiting',
    'Statements and transactions that wait for a connection.',
    () => pool.waitingCount,
  )
  return metrics
}

/** Stops background work, then closes the pools. */
export async function closeDeps(deps: Deps): Promise<void> {
  const { postgres, mongo, maintenanceMongo, redis, revocations, jobs, paymentProviders } = deps
  redis?.close()
  paymentProviders.close()
  await Promise.all([revocations.stop(), jobs.close()])
  await Promise.all([postgres.close(), mongo.close(), maintenanceMongo?.close()])
}
