import { describe, expect, test } from 'bun:test'
import { ConfigError, readConfig } from '../../src/config'

const random = (seed: string) => `${seed}4kQ9vX2mB7nR5tY8wZ3cF6hJ1pL0sD`
const usable = {
  POSTGRESQL_HOST: 'db.internal',
  POSTGRESQL_USER: 'clinic',
  POSTGRESQL_DATABASE: 'clinic',
  MONGODB_URI: 'mongodb://mongo.internal/clinic',
  JWT_ACCESS_SECRET: random('a1'),
  JWT_REFRESH_SECRET: random('b2'),
  PASSWORD_PEPPER: random('c3'),
  AUDIT_SIGNING_KEY: random('d4'),
}
const production = { ...usable, NODE_ENV: 'production' }

function complaint(env: Record<string, string | undefined>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'none'
}

describe('the configuration', () => {
  test('needs databases and secrets; all else has a default', () => {
    const config = readConfig(usable)
    expect(config).toMatchObject({ environment: 'development', port: 3000, rateLimit: true, migrateOnStart: true })
    expect(config.tokens).toMatchObject({ accessSeconds: 900, refreshSeconds: 30 * 86_400, reuseGraceSeconds: 10 })
    expect(Object.isFrozen(config)).toBe(true)
  })

  test('names everything that is wrong at once, what it has to be, and never a value', () => {
    const message = complaint({
      NODE_ENV: 'production',
      PORT: 'eighty-8080',
      JWT_ACCESS_SECRET: 'hunter2',
      JWT_REFRESH_SECRET: 'hunter2',
      JWT_ACCESS_EXPIRATION: '15 minutes',
      MONGODB_URI: 'postgres://u:hunter2@x',
      REDIS_URL: 'localhost:hunter2',
      CORS_ORIGINS: 'hunter2.example',
      LOG_LEVEL: 'hunter2',
      BCRYPT_COST: '6',
      AUDIT_RETENTION: '364d',
      DEMO_DATA: 'on',
      DOCTOR_VERIFICATION: 'off',
    })
    for (const line of [
      'PORT must be a whole number from 0 to 65535',
      'POSTGRESQL_HOST is required',
      'POSTGRESQL_USER is required',
      'POSTGRESQL_DATABASE is required',
      'MONGODB_URI must start with mongodb://',
      'JWT_ACCESS_SECRET must have at least 32 bytes',
      'JWT_ACCESS_SECRET and JWT_REFRESH_SECRET must differ',
      'JWT_ACCESS_EXPIRATION must be a whole number with s, m, h or d',
      'PASSWORD_PEPPER is required',
      'AUDIT_SIGNING_KEY is required',
      'REDIS_URL must be like redis://host:6379',
      'CORS_ORIGINS must be origins like https://clinic.example',
      'LOG_LEVEL must be',
      'BCRYPT_COST must be at least 10 in production',
      'AUDIT_RETENTION must be at least 365d in production',
      'DEMO_DATA cannot be on in production',
      'DOCTOR_VERIFICATION cannot be off in production',
    ])
      expect(message).toContain(line)
    expect(message).not.toMatch(/hunter2|eighty|15 minutes/)
  })

  test.each([
    ['short', { JWT_ACCESS_SECRET: random('a1').slice(0, 31) }, 'JWT_ACCESS_SECRET must have at least 32 bytes'],
    ['a placeholder', { PASSWORD_PEPPER: `change-me-${random('x')}` }, 'PASSWORD_PEPPER looks like a placeholder'],
    ['one letter', { AUDIT_SIGNING_KEY: 'z'.repeat(64) }, 'AUDIT_SIGNING_KEY looks like a placeholder'],
    ['used twice', { PASSWORD_PEPPER: usable.AUDIT_SIGNING_KEY }, 'PASSWORD_PEPPER and AUDIT_SIGNING_KEY must differ'],
    ['missing', { JWT_REFRESH_SECRET: '' }, 'JWT_REFRESH_SECRET is required'],
  ])('refuses in production a secret that is %s', (_what, change, reason) => {
    expect(complaint(production)).toBe('none')
    expect(complaint({ ...production, ...change })).toContain(reason)
  })

  test.each([
    ['without a new version', { PASSWORD_PEPPER_PREVIOUS: random('p1') }, 'PASSWORD_PEPPER_VERSION must be raised'],
    ['to itself', { PASSWORD_PEPPER_PREVIOUS: usable.PASSWORD_PEPPER }, 'PASSWORD_PEPPER_PREVIOUS and PASSWORD_PEPPER'],
  ])('refuses to change the pepper %s', (_how, change, reason) => {
    expect(complaint({ ...usable, ...change })).toContain(reason)
    const changed = { PASSWORD_PEPPER_PREVIOUS: random('p1'), PASSWORD_PEPPER_VERSION: '2' }
    expect(complaint({ ...usable, ...changed })).toBe('none')
  })

  test('counts the bytes of a secret, not its characters', () => {
    expect(complaint({ ...production, JWT_ACCESS_SECRET: 'äöüßéèêëàâîïôûùç' })).toBe('none')
  })

  test.each([
    ['45s', 45],
    ['15m', 900],
    ['12h', 43_200],
    ['30d', 2_592_000],
  ])('reads the duration %s as %d seconds', (text, seconds) => {
    expect(readConfig({ ...usable, JWT_ACCESS_EXPIRATION: text }).tokens.accessSeconds).toBe(seconds)
  })

  test.each(['', ' ', '0m', '-5m', '1.5h', '15', 'm', '15M', '9999999d'])(
    'refuses the duration %p, or takes it as not set',
    (text) => {
      const given = complaint({ ...usable, SESSION_MAX_AGE: text })
      expect(given === 'none').toBe(text === '')
    },
  )

  test('an empty variable counts as not set', () => {
    const blank = { PORT: '', REDIS_URL: '', METRICS_TOKEN: '', RATE_LIMIT: '', JWT_ACCESS_EXPIRATION: '' }
    expect(readConfig({ ...usable, ...blank })).toEqual(readConfig(usable))
    expect(complaint({ ...usable, MONGODB_URI: '' })).toContain('MONGODB_URI is required')
  })

  test('lists are separated by commas, and each item is checked', () => {
    const lists = { CORS_ORIGINS: 'https://a.example, http://b.example:8080', TRUSTED_PROXIES: '10.0.0.0/8,::1 ' }
    expect(readConfig({ ...usable, ...lists })).toMatchObject({
      corsOrigins: ['https://a.example', 'http://b.example:8080'],
      trustedProxies: ['10.0.0.0/8', '::1'],
    })
    for (const origin of ['*', 'https://a.example/', 'a.example', 'ftp://a.example', 'https://a.example,*'])
      expect(complaint({ ...usable, CORS_ORIGINS: origin })).toContain('CORS_ORIGINS must be origins')
    for (const proxy of ['10.0.0.0/33', '10.0.0', 'proxy.internal', '::1/129', '10.0.0.0/8/8'])
      expect(complaint({ ...usable, TRUSTED_PROXIES: proxy })).toContain('TRUSTED_PROXIES must be')
  })
})
