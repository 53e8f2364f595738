import type { Clock } from '../../actor'
import { createDesk } from '../../ledger/desk'
import type { PaymentProvider, PaymentProviders } from '../../ledger/provider'
import { createSandbox, type Sandbox } from './sandbox'
import type { DeliverWebhook } from './sandbox-webhooks'
import { createStripe, type StripeOptions } from './stripe'

/** `stripe` may be set while `card` is not `stripe`: what was paid there can then still be refunded. */
export type ProviderSettings = {
  card: 'none' | 'sandbox' | 'stripe'
  stripe?: StripeOptions
  /** Without a secret, one is made at each start, as the sandbox forgets its payments then as well. */
  sandbox?: { webhookSecret?: string; delayMs?: number }
}

/** Opens no connection. Throws when `card` is `stripe` without settings for it. */
export function createProviders(
  settings: ProviderSettings,
  { clock, deliver }: { clock: Clock; deliver: DeliverWebhook },
): PaymentProviders & { sandbox: Sandbox | undefined } {
  const stripe = settings.stripe && createStripe(settings.stripe)
  const sandbox =
    settings.card === 'sandbox'
      ? createSandbox({
          clock,
          deliver,
          delayMs: settings.sandbox?.delayMs,
          webhookSecrets: [settings.sandbox?.webhookSecret ?? crypto.randomUUID()],
        })
      : undefined
  if (settings.card === 'stripe' && !stripe) throw new Error('cards by Stripe need its secret key and webhook secrets')

  const card = { none: undefined, sandbox, stripe }[settings.card]
  return { ...assembleProviders(card, [sandbox, stripe]), sandbox, close: () => sandbox?.close() }
}

/** The desk, whoever takes new cards, and those who took some before. */
export function assembleProviders(
  card: PaymentProvider | undefined,
  others: readonly (PaymentProvider | undefined)[] = [card],
): Pick<PaymentProviders, 'forMethod' | 'named' | 'online'> {
  const desk = createDesk()
  const online = others.filter((provider) => provider !== undefined)
  return {
    forMethod: (method) => (method === 'card' ? card : desk),
    named: (name) => [desk, ...online].find((provider) => provider.name === name),
    online,
  }
}
