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
const stripe = { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_WEBHOOK_SECRETS: 'whsec_1, whsec_2' }

const settings = (env: Record<string, string>) => readConfig(env).payments

function complaint(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'none'
}

describe('who takes cards', () => {
  test('is the sandbox by default, in production nobody', () => {
    expect(settings(usable).card).toBe('sandbox')
    expect(settings(production).card).toBe('none')
    expect(settings({ ...usable, CARD_PROVIDER: 'none' }).card).toBe('none')
    expect(settings({ ...usable, SANDBOX_DELAY: '3s' }).sandbox.delayMs).toBe(3_000)
  })

  test('can be Stripe, with several webhook secrets in use', () => {
    expect(settings({ ...production, ...stripe, CARD_PROVIDER: 'stripe' })).toMatchObject({
      card: 'stripe',
      stripe: { secretKey: 'sk_live_1', webhookSecrets: ['whsec_1', 'whsec_2'], baseUrl: undefined },
    })
  })

  test('can be nobody while Stripe still refunds', () => {
    expect(settings({ ...production, ...stripe })).toMatchObject({ card: 'none', stripe: { secretKey: 'sk_live_1' } })
  })

  test.each([
    [{ CARD_PROVIDER: 'sandbox', NODE_ENV: 'production' }, 'CARD_PROVIDER cannot be sandbox in production'],
    [{ CARD_PROVIDER: 'paypal' }, 'CARD_PROVIDER must be none, sandbox or stripe'],
    [{ CARD_PROVIDER: 'stripe' }, 'STRIPE_SECRET_KEY is required'],
    [{ CARD_PROVIDER: 'stripe' }, 'STRIPE_WEBHOOK_SECRETS is required'],
    [{ STRIPE_SECRET_KEY: 'sk' }, 'STRIPE_WEBHOOK_SECRETS is required'],
    [{ STRIPE_WEBHOOK_SECRETS: 'whsec_1' }, 'STRIPE_SECRET_KEY is required'],
    [{ ...stripe, STRIPE_WEBHOOK_SECRETS: 'whsec_1,,whsec_2' }, 'none of them empty'],
    [{ ...stripe, STRIPE_WEBHOOK_SECRETS: ' , ' }, 'none of them empty'],
    [{ ...stripe, STRIPE_BASE_URL: 'https://stripe.example/v1' }, 'STRIPE_BASE_URL must be an origin'],
    [{ ...stripe, STRIPE_BASE_URL: 'stripe.example' }, 'STRIPE_BASE_URL must be an origin'],
  ])('%j is refused', (given, reason) => {
    const message = complaint({ ...usable, ...given })
    expect(message).toContain(reason)
    expect(message).not.toMatch(/whsec_1|sk_live/)
  })
})
