import type { Kysely } from 'kysely'
import type { Actor, Caller, Clock } from './actor'
import type { Revocations } from './auth/revocations'
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

/** What every feature may ask for; made once at start-up, replaced piecemeal by tests. */
export type Deps = {
  config: Config
  postgres: Postgres
  db: Kysely<Database>
  mongo: Mongo
  /** For events outside of transactions: those of reads, refusals and failures. */
  auditWriter: AuditWriter
  /** Background work that a transaction leaves behind; see `enqueue`. */
  jobs: Jobs
  /** How the sweeper looks up each kind of clinical write; each such operation adds its own. */
  clinicalLookUps: LookUps
  /** Set by REDIS_URL. */
  redis: Redis | undefined
  /** Who takes the money: the desk, and cards where they are taken. */
  paymentProviders: PaymentProviders
  clock: Clock
  log: Logger
  /** Bookings of one doctor take their turn here, before they take a connection. */
  bookingLimiter: Limiter
  /** bcrypt runs here, on at most as many cores as leave one for everything else. */
  passwordLimiter: Limiter
  /** Sessions that have ended while their access tokens may still be valid. */
  revocations: Revocations
  /** Access token → who calls. Throws `unauthenticated` or `token_expired`; a session that has ended counts as neither. */
  authenticate: (accessToken: string) => Promise<Caller>
  /** Undefined when limits are off. */
  rateLimits: RateLimits | undefined
  metrics: Metrics
  /** Set when the process is asked to stop; `/health/ready` answers 503 from then on. */
  draining: { value: boolean }
}

/** What one request's code may ask for. `now` is the request's one reading of the clock. */
export type Context<A extends Actor | null = Caller> = Deps & {
  actor: A
  now: Date
  requestId: string
  /** The caller's address, believed through configured proxies only. */
  ip: string | null
  userAgent: string | null
}

export type TransactionContext<A extends Actor | null = Caller> = InTransaction<Context<A>>
