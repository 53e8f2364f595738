import type { hash, verify } from '@node-rs/bcrypt'
import type { Kysely } from 'kysely'
import type { LRUCache } from 'lru-cache'
import type { Actor, Caller, Clock } from './actor'
import type { Revocations } from './auth/sessions/revocations'
import type { Config } from './config'
import type { AuditWriter } from './database/audit-outbox'
import type { LookUps } from './database/clinical-writes/look-up'
import type { Limiter } from './database/limiter'
import type { Mongo } from './database/mongo'
import type { Postgres } from './database/postgres'
import type { Redis } from './database/redis'
import type { Database } from './database/schema'
import type { InTransaction } from './database/transaction'
import type { RateLimits } from './http/middleware/rate-limits'
import type { Jobs } from './jobs/queue'
import type { PaymentProviders } from './ledger/provider'
import type { Logger } from './log'
import type { Metrics } from './metrics'
import type { FactsCache } from './scheduling/facts-cache'

/** The dependencies of all features: created once at start-up. Tests replace single members. */
export type Deps = {
  config: Config
  postgres: Postgres
  db: Kysely<Database>
  mongo: Mongo
  /** As a user who may delete old audit events; set by MONGODB_MAINTENANCE_URI. */
  maintenanceMongo: Mongo | undefined
  /** Writes audit events outside of transactions: of reads, refusals and failures. */
  auditWriter: AuditWriter
  /** Background jobs, enqueued inside transactions; see `enqueue`. */
  jobs: Jobs
  /** How the sweeper looks up each kind of clinical write; the operations that write fill it in. */
  clinicalLookUps: LookUps
  /** Set by REDIS_URL. */
  redis: Redis | undefined
  /** The desk and, if configured, a card provider. */
  paymentProviders: PaymentProviders
  /** Calendars of doctors that searches read again and again. */
  factsCache: FactsCache
  /** Starts that could not be booked lately, by doctor: only a hint that it is worth asking before booking them. */
  refusedStarts: LRUCache<string, true>
  clock: Clock
  log: Logger
  /** Bounds the bookings of one doctor that run at once; the others wait without a connection. */
  bookingLimiter: Limiter
  /** Bounds the reads of exports that run at once, so that exports cannot fill the pools. */
  exportLimiter: Limiter
  /** Slow password hashes. */
  bcrypt: { hash: typeof hash; verify: typeof verify }
  /** Bounds how many bcrypt computations run at once, so that one core stays free; caller networks take turns. */
  passwordLimiter: Limiter
  /** Sessions that have ended while their access tokens may still be valid. */
  revocations: Revocations
  /** Access token → caller. Throws `token_expired`, or `unauthenticated` for a bad token or an ended session. */
  authenticate: (accessToken: string) => Promise<Caller>
  /** True if a sign-in to the account with this address from this network succeeded lately. */
  isKnownNetwork: (email: string, network: string) => Promise<boolean>
  /** Undefined when limits are off. */
  rateLimits: RateLimits | undefined
  metrics: Metrics
  /** Why this copy's audit relay has stopped for good; undefined while it works. */
  auditRelay: { stopped: string | undefined }
  /** Set when the process is asked to stop; `/health/ready` answers 503 from then on. */
  draining: { value: boolean }
}

/** The dependencies and the facts of one request. The clock is read once per request, as `now`. */
export type Context<A extends Actor | null = Caller> = Deps & {
  actor: A
  now: Date
  requestId: string
  /** The caller's address. X-Forwarded-For counts only if a trusted proxy sent it. */
  ip: string | null
  userAgent: string | null
}

export type TransactionContext<A extends Actor | null = Caller> = InTransaction<Context<A>>
