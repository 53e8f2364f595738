import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config'
import { complaint, strongSecret, USABLE } from '../support/settings'

const STRIPE = { CARD_PROVIDER: 'stripe', STRIPE_SECRET_KEY: 'sk_live_x', STRIPE_WEBHOOK_SECRETS: strongSecret('w1') }
const SAFE = { ...USABLE, ...STRIPE, METRICS_TOKEN: strongSecret('m1') }

/** Settings that are refused in production, and warned of outside of it. */
const WEAK: [change: Record<string, string>, problem: string][] = [
  [{ JWT_ACCESS_SECRET: 'a' }, 'JWT_ACCESS_SECRET must have at least 32 bytes'],
  [{ JWT_ACCESS_SECRET: 'a' }, 'JWT_ACCESS_SECRET looks like a placeholder'],
  [{ PASSWORD_PEPPER: USABLE.JWT_ACCESS_SECRET }, 'JWT_ACCESS_SECRET and PASSWORD_PEPPER must differ'],
  [{ JWT_ACCESS_SECRET_PREVIOUS: 'short' }, 'JWT_ACCESS_SECRET_PREVIOUS must have at least 32 bytes'],
  [{ BCRYPT_COST: '9' }, 'BCRYPT_COST must be at least 10'],
  [{ AUDIT_RETENTION: '364d' }, 'AUDIT_RETENTION must be at least 365d'],
  [{ JWT_ACCESS_EXPIRATION: '61m' }, 'JWT_ACCESS_EXPIRATION must be at most 1h'],
  [{ JWT_REFRESH_EXPIRATION: '91d' }, 'JWT_REFRESH_EXPIRATION must be at most 90d'],
  [
    { STRIPE_WEBHOOK_SECRETS: `${strongSecret('w1')},short` },
    'STRIPE_WEBHOOK_SECRETS must have at least 16 characters',
  ],
  [{ SANDBOX_WEBHOOK_SECRET: 'short' }, 'SANDBOX_WEBHOOK_SECRET must have at least 16 characters'],
  [{ STRIPE_BASE_URL: 'http://stripe.internal' }, 'STRIPE_BASE_URL must start with https://'],
  [{ TRUSTED_PROXIES: '10.0.0.1,0.0.0.0/0' }, 'TRUSTED_PROXIES must name the proxies'],
  [{ TRUSTED_PROXIES: '0.0.0.0/1,128.0.0.0/1' }, 'TRUSTED_PROXIES must name the proxies'],
  [{ TRUSTED_PROXIES: '::/0' }, 'TRUSTED_PROXIES must name the proxies'],
  [{ TRUSTED_PROXIES: '::/64' }, 'TRUSTED_PROXIES must name the proxies'],
  [{ DOCTOR_VERIFICATION: 'off' }, 'DOCTOR_VERIFICATION cannot be off'],
  [{ CARD_PROVIDER: 'sandbox' }, 'CARD_PROVIDER cannot be sandbox'],
  [{ DEMO_DATA: 'on' }, 'DEMO_DATA cannot be on'],
]

const weaknesses = (change: Record<string, string | undefined>) => readConfig({ ...SAFE, ...change }).weaknesses

describe('weak settings', () => {
  test.each(WEAK)('production refuses %p, and other environments warn of it', (change, problem) => {
    expect(complaint({ ...SAFE, NODE_ENV: 'production', ...change })).toContain(problem)
    for (const NODE_ENV of [undefined, ...(change.DEMO_DATA ? [] : ['development'])])
      expect(weaknesses({ ...change, NODE_ENV }).join('\n')).toContain(problem)
    expect(weaknesses({ ...change, NODE_ENV: 'test' })).toEqual([])
  })

  test.each([
    [{}, 'NODE_ENV is not production'],
    [{ CARD_PROVIDER: '', STRIPE_SECRET_KEY: '', STRIPE_WEBHOOK_SECRETS: '' }, 'CARD_PROVIDER is not set'],
    [{ METRICS_TOKEN: '' }, 'METRICS_TOKEN is not set'],
    [{ RATE_LIMIT: 'off' }, 'RATE_LIMIT is off'],
  ])('without NODE_ENV, %p is warned of', (change, problem) => {
    expect(weaknesses(change).join('\n')).toContain(problem)
  })

  test.each([
    { JWT_ACCESS_EXPIRATION: '1h', JWT_REFRESH_EXPIRATION: '90d' },
    { TRUSTED_PROXIES: '10.0.0.0/8,fc00::/7,172.16.0.0/12' },
    { STRIPE_BASE_URL: 'https://stripe.internal' },
    { JWT_ACCESS_SECRET_PREVIOUS: strongSecret('p1'), JWT_REFRESH_SECRET_PREVIOUS: strongSecret('p2') },
  ])('production accepts %p, without a warning', (change) => {
    expect(complaint({ ...SAFE, NODE_ENV: 'production', ...change })).toBe('none')
    expect(weaknesses({ ...change, NODE_ENV: 'production' })).toEqual([])
  })

  test('bun dev on its own databases warns of nothing', () => {
    expect(weaknesses({ NODE_ENV: 'development', DEMO_DATA: 'on', CARD_PROVIDER: 'sandbox' })).toEqual([])
  })

  test.each(['JWT_ACCESS_SECRET', 'JWT_REFRESH_SECRET', 'PASSWORD_PEPPER', 'AUDIT_SIGNING_KEY'] as const)(
    'a previous secret must differ from %s in every environment',
    (key) => {
      for (const previous of ['JWT_ACCESS_SECRET_PREVIOUS', 'JWT_REFRESH_SECRET_PREVIOUS'])
        for (const NODE_ENV of ['test', 'development', 'production'])
          expect(complaint({ ...SAFE, NODE_ENV, [previous]: SAFE[key] })).toContain('must differ')
    },
  )
})
