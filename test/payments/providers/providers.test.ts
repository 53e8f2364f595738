import { afterEach, describe, expect, test } from 'bun:test'
import { createProviders, type ProviderSettings } from '../../../src/payments/providers/providers'

const NOW = new Date('2026-01-05T12:00:00Z')
const stripe = { secretKey: 'sk_test_1', webhookSecrets: ['whsec_1'] }

describe('choice of the payment provider', () => {
  let opened: ReturnType<typeof createProviders> | undefined
  afterEach(() => opened?.close())
  const open = (settings: ProviderSettings) => {
    opened = createProviders(settings, { clock: () => NOW, deliver: async () => undefined })
    return opened
  }

  test.each([
    ['none', undefined, undefined],
    ['sandbox', undefined, 'sandbox'],
    ['stripe', stripe, 'stripe'],
    ['none', stripe, undefined],
  ] as const)('the card provider setting %s decides the provider of card payments', (card, stripe, name) => {
    const providers = open({ card, stripe })
    expect(providers.forMethod('card')?.name).toBe(name)
    expect(providers.forMethod('cash')?.name).toBe('desk')
    expect(providers.forMethod('insurance')?.name).toBe('desk')
  })

  test('Stripe stays available for refunds after another card provider is configured', () => {
    const providers = open({ card: 'sandbox', stripe })
    expect(providers.named('stripe')?.name).toBe('stripe')
    expect(providers.named('sandbox')).toBe(providers.sandbox)
    expect(providers.named('desk')?.online).toBe(false)
    expect(providers.named('constructor')).toBeUndefined()
  })

  test('the sandbox is not available when another card provider is configured', () => {
    expect(open({ card: 'stripe', stripe }).named('sandbox')).toBeUndefined()
  })

  test('the card provider Stripe is refused without its keys', () => {
    expect(() => open({ card: 'stripe' })).toThrow('webhook secrets')
  })
})
