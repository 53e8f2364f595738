import { z } from 'zod'
import { duration } from './config/duration'
import { productionProblems, weaknessesOf } from './config/production-rules'
import { publicUrl } from './config/public-url'
import { pepperProblems, previousSecretProblems } from './config/secret-rules'
import { parseNetwork } from './ip-address'

const integer = (fallback: number, min: number, max: number) =>
  z.coerce
    .number(`must be a whole number from ${min} to ${max}`)
    .int(`must be a whole number from ${min} to ${max}`)
    .min(min, `must be at least ${min}`)
    .max(max, `must be at most ${max}`)
    .default(fallback)

const onOff = (fallback: 'on' | 'off') =>
  z
    .enum(['on', 'off'], 'must be on or off')
    .default(fallback)
    .transform((value) => value === 'on')

const list = (isItem: (text: string) => boolean, rule: string) =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    )
    .refine((items) => items.every(isItem), rule)

const isOrigin = (text: string) => URL.canParse(text) && /^https?:/.test(text) && new URL(text).origin === text

const secret = z.string('is required: at least 32 random bytes, for example from `openssl rand -base64 48`').min(1)

const environment = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'], 'must be development, test or production')
    .default('development'),
  HOST: z.string().default('0.0.0.0'),
  PORT: integer(3000, 0, 65_535),
  PUBLIC_URL: publicUrl.optional(),
  REUSE_PORT: onOff('off'),
  LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], 'must be debug, info, warn, error or silent')
    .default('info'),
  LOG_FORMAT: z.enum(['json', 'text'], 'must be json or text').optional(),
  SHUTDOWN_DELAY: duration.optional(),

  POSTGRESQL_HOST: z
    .string('is required: the host name (or socket folder) of PostgreSQL; `bun dev` brings its own')
    .min(1),
  POSTGRESQL_PORT: integer(5432, 1, 65_535),
  POSTGRESQL_USER: z.string('is required').min(1),
  POSTGRESQL_PASSWORD: z.string().default(''),
  POSTGRESQL_DATABASE: z.string('is required').min(1),
  POSTGRESQL_SCHEMA: z
    .string()
    .regex(
      /^(?!pg_)[a-z_][a-z0-9_]{0,42}$/,
      'must be a name of at most 43 lower-case letters, digits and underscores that does not begin with pg_',
    )
    .optional(),
  POSTGRESQL_POOL_SIZE: integer(20, 2, 500),
  MIGRATE_ON_START: onOff('on'),

  MONGODB_URI: z
    .string('is required: like mongodb://host:27017/clinic; `bun dev` brings its own')
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://'),
  MONGODB_MAINTENANCE_URI: z
    .string()
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://')
    .optional(),
  MONGODB_DATABASE: z.string().optional(),
  MONGODB_POOL_SIZE: integer(20, 1, 500),

  JWT_ACCESS_SECRET: secret,
  JWT_REFRESH_SECRET: secret,
  JWT_ACCESS_SECRET_PREVIOUS: secret.optional(),
  JWT_REFRESH_SECRET_PREVIOUS: secret.optional(),
  JWT_ACCESS_EXPIRATION: duration.prefault('15m'),
  JWT_REFRESH_EXPIRATION: duration.prefault('30d'),
  SESSION_MAX_AGE: duration.prefault('90d'),
  REFRESH_REUSE_GRACE: duration.prefault('10s'),
  PASSWORD_PEPPER: secret,
  PASSWORD_PEPPER_VERSION: integer(1, 1, 32_767),
  PASSWORD_PEPPER_PREVIOUS: secret.optional(),
  BCRYPT_COST: integer(12, 4, 16),
  AUDIT_SIGNING_KEY: secret,
  AUDIT_FORMER_PUBLIC_KEYS: list(
    (text) => /^[A-Za-z0-9_-]{43}$/.test(text),
    'must be public keys as audit:verify prints them, separated by commas',
  ),
  AUDIT_RETENTION: duration.prefault('3650d'),

  CORS_ORIGINS: list(isOrigin, 'must be origins like https://clinic.example, separated by commas'),
  TRUSTED_PROXIES: list(
    (text) => parseNetwork(text) !== undefined,
    'must be addresses or networks like 10.0.0.0/8, separated by commas',
  ),
  RATE_LIMIT: onOff('on'),
  REDIS_URL: z
    .string()
    .refine((text) => /^rediss?:\/\//.test(text) && URL.canParse(text), 'must be like redis://host:6379')
    .optional(),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  CARD_PROVIDER: z.enum(['none', 'sandbox', 'stripe'], 'must be none, sandbox or stripe').optional(),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRETS: z
    .string()
    .transform((text) => text.split(',').map((item) => item.trim()))
    .refine((items) => items.every(Boolean), 'must be secrets separated by commas, none of them empty')
    .optional(),
  STRIPE_BASE_URL: z.string().refine(isOrigin, 'must be an origin like https://stripe-mock.internal:12111').optional(),
  SANDBOX_WEBHOOK_SECRET: z.string().optional(),
  SANDBOX_DELAY: duration.prefault('1s'),
  DOCTOR_VERIFICATION: onOff('on'),
  HOLD_MINUTES: integer(5, 1, 60),
  WAITLIST_OFFER_MINUTES: integer(15, 1, 1440),
  MAX_UPCOMING_PER_PATIENT: integer(40, 0, 10_000),
  MAX_UPCOMING_PER_DOCTOR: integer(26, 0, 10_000),
  RELATIONSHIP_DAYS: integer(365, 1, 3650),
  RECORDS_RETENTION: duration.prefault('3650d'),
  DEMO_DATA: onOff('off'),
})

type Environment = z.infer<typeof environment>

export const CONFIG_KEYS = Object.keys(environment.shape) as (keyof Environment)[]

/** Lists every wrong setting with its rule, one per line. Never contains a value. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** Environment → frozen settings. Throws ConfigError. An empty variable counts as not set. */
export function readConfig(env: Record<string, string | undefined>) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = environment.safeParse(given)
  const problems = [
    ...(parsed.error?.issues ?? []).map(({ path, message }) => `${path.join('.')} ${message}`),
    ...stripeProblems(given),
    ...pepperProblems(given),
    ...previousSecretProblems(given),
    ...(given.NODE_ENV === 'production' ? productionProblems(given) : []),
  ]
  if (!parsed.success || problems.length > 0)
    throw new ConfigError(`The configuration is not usable:\n${problems.map((line) => `  ${line}`).join('\n')}`)
  return Object.freeze({ ...groupSettings(parsed.data), weaknesses: weaknessesOf(given) })
}

export type Config = ReturnType<typeof readConfig>

/** Stripe needs both settings, also if it only refunds earlier card payments. */
function stripeProblems(given: Record<string, string | undefined>): string[] {
  const keys = ['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRETS'] as const
  if (given.CARD_PROVIDER !== 'stripe' && keys.every((key) => given[key] === undefined)) return []
  return keys.filter((key) => given[key] === undefined).map((key) => `${key} is required for card payments by Stripe`)
}

function groupSettings(env: Environment) {
  return {
    environment: env.NODE_ENV,
    production: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    publicUrl: env.PUBLIC_URL,
    reusePort: env.REUSE_PORT,
    logLevel: env.LOG_LEVEL,
    logFormat: env.LOG_FORMAT ?? (env.NODE_ENV === 'development' ? ('text' as const) : ('json' as const)),
    shutdownDelaySeconds: env.SHUTDOWN_DELAY ?? 0,
    postgres: {
      host: env.POSTGRESQL_HOST,
      port: env.POSTGRESQL_PORT,
      user: env.POSTGRESQL_USER,
      password: env.POSTGRESQL_PASSWORD,
      database: env.POSTGRESQL_DATABASE,
      schema: env.POSTGRESQL_SCHEMA,
      poolSize: env.POSTGRESQL_POOL_SIZE,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
      lockTimeoutMs: 5_000,
    },
    migrateOnStart: env.MIGRATE_ON_START,
    mongo: {
      uri: env.MONGODB_URI,
      /** As a user who may delete audit events, which the API's own user need not. */
      maintenanceUri: env.MONGODB_MAINTENANCE_URI,
      database: env.MONGODB_DATABASE,
      poolSize: env.MONGODB_POOL_SIZE,
    },
    /** All in seconds. */
    tokens: {
      accessSecret: env.JWT_ACCESS_SECRET,
      refreshSecret: env.JWT_REFRESH_SECRET,
      /** Only to verify what was signed before a change of the secret. */
      previousAccessSecret: env.JWT_ACCESS_SECRET_PREVIOUS,
      previousRefreshSecret: env.JWT_REFRESH_SECRET_PREVIOUS,
      accessSeconds: env.JWT_ACCESS_EXPIRATION,
      refreshSeconds: env.JWT_REFRESH_EXPIRATION,
      sessionSeconds: env.SESSION_MAX_AGE,
      reuseGraceSeconds: env.REFRESH_REUSE_GRACE,
    },
    passwords: {
      pepper: env.PASSWORD_PEPPER,
      pepperVersion: env.PASSWORD_PEPPER_VERSION,
      previousPepper: env.PASSWORD_PEPPER_PREVIOUS,
      cost: env.BCRYPT_COST,
    },
    audit: {
      signingKey: env.AUDIT_SIGNING_KEY,
      formerPublicKeys: env.AUDIT_FORMER_PUBLIC_KEYS,
      retentionSeconds: env.AUDIT_RETENTION,
    },
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUSTED_PROXIES,
    rateLimit: env.RATE_LIMIT,
    redisUrl: env.REDIS_URL,
    metricsToken: env.METRICS_TOKEN,
    payments: paymentSettings(env),
    doctorVerification: env.DOCTOR_VERIFICATION,
    holdMinutes: env.HOLD_MINUTES,
    waitlistOfferMinutes: env.WAITLIST_OFFER_MINUTES,
    /** Visits to come that a patient's account may have made; 0: no limit. */
    maxUpcoming: { perPatient: env.MAX_UPCOMING_PER_PATIENT, perDoctor: env.MAX_UPCOMING_PER_DOCTOR },
    relationshipDays: env.RELATIONSHIP_DAYS,
    recordsRetentionSeconds: env.RECORDS_RETENTION,
    demoData: env.DEMO_DATA,
  }
}

function paymentSettings(env: Environment) {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRETS: webhookSecrets } = env
  return {
    card: env.CARD_PROVIDER ?? (env.NODE_ENV === 'production' ? ('none' as const) : ('sandbox' as const)),
    stripe: secretKey && webhookSecrets ? { secretKey, webhookSecrets, baseUrl: env.STRIPE_BASE_URL } : undefined,
    sandbox: { webhookSecret: env.SANDBOX_WEBHOOK_SECRET, delayMs: env.SANDBOX_DELAY * 1_000 },
  }
}
