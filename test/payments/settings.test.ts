import { describe, expect, test } from 'bun:test'
import { readConfig } from '../../src/config'
import { complaint, USABLE } from '../support/settings'

const production = { ...USABLE, NODE_ENV: 'production' }
const stripe = { STRIPE_SECRET_KEY: 'sk_live_1', STRIPE_WEBHOOK_SECRETS: 'whsec_0123456789_1, whsec_0123456789_2' }

const settings = (env: Record<string, string>) => readConfig(env).payments

describe('card provider settings', () => {
  test('the card provider is the sandbox by default, and none in production', () => {
    expect(settings(USABLE).card).toBe('sandbox')
    expect(settings(production).card).toBe('none')
    expect(settings({ ...USABLE, CARD_PROVIDER: 'none' }).card).toBe('none')
    expect(settings({ ...USABLE, SANDBOX_DELAY: '3s' }).sandbox.delayMs).toBe(3_000)
  })

  test('the card provider can be Stripe, with several webhook secrets', () => {
    expect(settings({ ...production, ...stripe, CARD_PROVIDER: 'stripe' })).toMatchObject({
      card: 'stripe',
      stripe: {
        secretKey: 'sk_live_1',
        webhookSecrets: ['whsec_0123456789_1', 'whsec_0123456789_2'],
        baseUrl: undefined,
      },
    })
  })

  test('the card provider can be none while Stripe stays configured for refunds', () => {
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
  ])('refuses the payment settings %j', (given, reason) => {
    const message = complaint({ ...USABLE, ...given })
    expect(message).toContain(reason)
    expect(message).not.toMatch(/whsec_1|sk_live/)
  })
})
