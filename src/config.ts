import { z } from 'zod'

const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const

/** `90s`, `15m`, `12h`, `30d` → seconds. */
const duration = (fallback: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,5}[smhd]$/, 'must be a whole number with s, m, h or d, like 15m or 30d')
    .default(fallback)
    .transform((text) => Number(text.slice(0, -1)) * UNITS[text.slice(-1) as keyof typeof UNITS])

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

const list = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((item) => item.trim())
      .filter(Boolean),
  )

const secret = z.string('is required: at least 32 random bytes, for example from `openssl rand -base64 48`').min(1)

const environment = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'], 'must be development, test or production')
    .default('development'),
  HOST: z.string().default('0.0.0.0'),
  PORT: integer(3000, 0, 65_535),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),

  POSTGRESQL_HOST: z
    .string('is required: the host name (or socket folder) of PostgreSQL; `bun dev` brings its own')
    .min(1),
  POSTGRESQL_PORT: integer(5432, 1, 65_535),
  POSTGRESQL_USER: z.string('is required').min(1),
  POSTGRESQL_PASSWORD: z.string().default(''),
  POSTGRESQL_DATABASE: z.string('is required').min(1),
  POSTGRESQL_POOL_SIZE: integer(20, 2, 500),
  MIGRATE_ON_START: onOff('on'),

  MONGODB_URI: z
    .string('is required: like mongodb://host:27017/clinic; `bun dev` brings its own')
    .regex(/^mongodb(\+srv)?:\/\//, 'must start with mongodb:// or mongodb+srv://'),
  MONGODB_DATABASE: z.string().optional(),
  MONGODB_POOL_SIZE: integer(20, 1, 500),

  JWT_ACCESS_SECRET: secret,
  JWT_REFRESH_SECRET: secret,
  JWT_ACCESS_EXPIRATION: duration('15m'),
  JWT_REFRESH_EXPIRATION: duration('30d'),
  SESSION_MAX_AGE: duration('90d'),
  REFRESH_REUSE_GRACE: duration('10s'),
  PASSWORD_PEPPER: secret,
  BCRYPT_COST: integer(12, 4, 16),
  AUDIT_SIGNING_KEY: secret,

  CORS_ORIGINS: list,
  TRUSTED_PROXIES: list,
  RATE_LIMIT: onOff('on'),
  REDIS_URL: z
    .string()
    .regex(/^rediss?:\/\//, 'must start with redis:// or rediss://')
    .optional(),
  METRICS_TOKEN: z.string().min(16, 'must have at least 16 characters').optional(),
  DOCTOR_VERIFICATION: onOff('on'),
  DEMO_DATA: onOff('off'),
})

type Environment = z.infer<typeof environment>

export const CONFIG_KEYS = Object.keys(environment.shape) as (keyof Environment)[]

/** Names every setting that is wrong, one to a line, and what it has to be. Never holds a value. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/** Environment → frozen settings. Throws ConfigError. An empty variable counts as not set. */
export function readConfig(env: Record<string, string | undefined>) {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined && value !== ''))
  const parsed = environment.safeParse(given)
  const problems = parsed.success
    ? productionProblems(parsed.data)
    : parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`)
  if (!parsed.success || problems.length > 0)
    throw new ConfigError(`The configuration is not usable:\n${problems.map((line) => `  ${line}`).join('\n')}`)
  return Object.freeze(arrange(parsed.data))
}

export type Config = ReturnType<typeof readConfig>

const SECRETS = ['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY'] as const
const GUESSABLE = /change[-_ ]?me|secret|password|example|default|^(.)\1*$/i

function productionProblems(env: Environment): string[] {
  if (env.NODE_ENV !== 'production') return []
  const problems: string[] = []
  for (const key of SECRETS) {
    if (new TextEncoder().encode(env[key]).length < 32) problems.push(`${key} must have at least 32 bytes`)
    if (GUESSABLE.test(env[key])) problems.push(`${key} looks like a placeholder: use random bytes`)
    for (const other of SECRETS.slice(SECRETS.indexOf(key) + 1))
      if (env[key] === env[other]) problems.push(`${key} and ${other} must differ`)
  }
  if (env.BCRYPT_COST < 10) problems.push('BCRYPT_COST must be at least 10 in production')
  if (!env.DOCTOR_VERIFICATION) problems.push('DOCTOR_VERIFICATION cannot be off in production')
  if (env.DEMO_DATA) problems.push('DEMO_DATA cannot be on in production')
  return problems
}

function arrange(env: Environment) {
  return {
    environment: env.NODE_ENV,
    production: env.NODE_ENV === 'production',
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    postgres: {
      host: env.POSTGRESQL_HOST,
      port: env.POSTGRESQL_PORT,
      user: env.POSTGRESQL_USER,
      password: env.POSTGRESQL_PASSWORD,
      database: env.POSTGRESQL_DATABASE,
      poolSize: env.POSTGRESQL_POOL_SIZE,
      connectTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
      lockTimeoutMs: 5_000,
    },
    migrateOnStart: env.MIGRATE_ON_START,
    mongo: { uri: env.MONGODB_URI, database: env.MONGODB_DATABASE, poolSize: env.MONGODB_POOL_SIZE },
    /** All in seconds. */
    tokens: {
      accessSecret: env.JWT_ACCESS_SECRET,
      refreshSecret: env.JWT_REFRESH_SECRET,
      accessSeconds: env.JWT_ACCESS_EXPIRATION,
      refreshSeconds: env.JWT_REFRESH_EXPIRATION,
      sessionSeconds: env.SESSION_MAX_AGE,
      reuseGraceSeconds: env.REFRESH_REUSE_GRACE,
    },
    passwords: { pepper: env.PASSWORD_PEPPER, cost: env.BCRYPT_COST },
    audit: { signingKey: env.AUDIT_SIGNING_KEY },
    corsOrigins: env.CORS_ORIGINS,
    trustedProxies: env.TRUSTED_PROXIES,
    rateLimit: env.RATE_LIMIT,
    redisUrl: env.REDIS_URL,
    metricsToken: env.METRICS_TOKEN,
    doctorVerification: env.DOCTOR_VERIFICATION,
    demoData: env.DEMO_DATA,
  }
}
