import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config'
import { complaint, strongSecret, USABLE } from '../support/settings'

const production = { ...USABLE, NODE_ENV: 'production' }

describe('the configuration', () => {
  test('the configuration needs databases and secrets, and all else has a default', () => {
    const config = readConfig(USABLE)
    expect(config).toMatchObject({ environment: 'development', port: 3000, rateLimit: true, migrateOnStart: true })
    expect(config.tokens).toMatchObject({ accessSeconds: 900, refreshSeconds: 30 * 86_400, reuseGraceSeconds: 10 })
    expect(Object.isFrozen(config)).toBe(true)
  })

  test('the configuration names all wrong settings and their rules at once, and never a value', () => {
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
    ['short', { JWT_ACCESS_SECRET: strongSecret('a1').slice(0, 31) }, 'JWT_ACCESS_SECRET must have at least 32 bytes'],
    [
      'a placeholder',
      { PASSWORD_PEPPER: `change-me-${strongSecret('x')}` },
      'PASSWORD_PEPPER looks like a placeholder',
    ],
    ['one repeated letter', { AUDIT_SIGNING_KEY: 'z'.repeat(64) }, 'AUDIT_SIGNING_KEY looks like a placeholder'],
    ['used twice', { PASSWORD_PEPPER: USABLE.AUDIT_SIGNING_KEY }, 'PASSWORD_PEPPER and AUDIT_SIGNING_KEY must differ'],
    ['missing', { JWT_REFRESH_SECRET: '' }, 'JWT_REFRESH_SECRET is required'],
  ])('refuses in production a secret that is %s', (_what, change, reason) => {
    expect(complaint(production)).toBe('none')
    expect(complaint({ ...production, ...change })).toContain(reason)
  })

  test.each([
    [
      'without a new version',
      { PASSWORD_PEPPER_PREVIOUS: strongSecret('p1') },
      'PASSWORD_PEPPER_VERSION must be raised',
    ],
    ['to itself', { PASSWORD_PEPPER_PREVIOUS: USABLE.PASSWORD_PEPPER }, 'PASSWORD_PEPPER_PREVIOUS and PASSWORD_PEPPER'],
  ])('refuses to change the pepper %s', (_how, change, reason) => {
    expect(complaint({ ...USABLE, ...change })).toContain(reason)
    const changed = { PASSWORD_PEPPER_PREVIOUS: strongSecret('p1'), PASSWORD_PEPPER_VERSION: '2' }
    expect(complaint({ ...USABLE, ...changed })).toBe('none')
  })

  test('the length of a secret is counted in bytes, not in characters', () => {
    expect(complaint({ ...production, JWT_ACCESS_SECRET: 'äöüßéèêëàâîïôûùç' })).toBe('none')
  })

  test.each([
    ['45s', 45],
    ['15m', 900],
    ['12h', 43_200],
    ['30d', 2_592_000],
  ])('reads the duration %s as %d seconds', (text, seconds) => {
    expect(readConfig({ ...USABLE, JWT_ACCESS_EXPIRATION: text }).tokens.accessSeconds).toBe(seconds)
  })

  test.each(['', ' ', '0m', '-5m', '1.5h', '15', 'm', '15M', '9999999d'])(
    'the duration %p is refused, or treated as not set if it is empty',
    (text) => {
      const given = complaint({ ...USABLE, SESSION_MAX_AGE: text })
      expect(given === 'none').toBe(text === '')
    },
  )

  test('an empty environment variable counts as not set', () => {
    const blank = { PORT: '', REDIS_URL: '', METRICS_TOKEN: '', RATE_LIMIT: '', JWT_ACCESS_EXPIRATION: '' }
    expect(readConfig({ ...USABLE, ...blank })).toEqual(readConfig(USABLE))
    expect(complaint({ ...USABLE, MONGODB_URI: '' })).toContain('MONGODB_URI is required')
  })

  test('settings that are lists are separated by commas, and each item is checked', () => {
    const lists = { CORS_ORIGINS: 'https://a.example, http://b.example:8080', TRUSTED_PROXIES: '10.0.0.0/8,::1 ' }
    expect(readConfig({ ...USABLE, ...lists })).toMatchObject({
      corsOrigins: ['https://a.example', 'http://b.example:8080'],
      trustedProxies: ['10.0.0.0/8', '::1'],
    })
    for (const origin of ['*', 'https://a.example/', 'a.example', 'ftp://a.example', 'https://a.example,*'])
      expect(complaint({ ...USABLE, CORS_ORIGINS: origin })).toContain('CORS_ORIGINS must be origins')
    for (const proxy of ['10.0.0.0/33', '10.0.0', 'proxy.internal', '::1/129', '10.0.0.0/8/8'])
      expect(complaint({ ...USABLE, TRUSTED_PROXIES: proxy })).toContain('TRUSTED_PROXIES must be')
  })
})
