import type { Clock } from '../../actor'
import { createDesk } from '../../ledger/desk'
import type { PaymentProvider, PaymentProviders } from '../../ledger/provider'
import { createSandbox, type Sandbox } from './sandbox'
import type { DeliverWebhook } from './sandbox-webhooks'
import { createStripe, type StripeOptions } from './stripe'

/** `stripe` may be set while `card` is not `stripe`, so that payments made there can still be refunded. */
export type ProviderSettings = {
  card: 'none' | 'sandbox' | 'stripe'
  stripe?: StripeOptions
  /** Without `webhookSecret`, each start makes a random one. */
  sandbox?: { webhookSecret?: string; delayMs?: number }
}

/** Opens no connection. Throws if `card` is `stripe` but `stripe` is missing. */
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

/** The desk, the provider for new card payments, and the providers of earlier ones. */
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
