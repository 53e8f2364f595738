import type { Deps } from '../../deps'
import { noContent } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { NEVER_REPLAYED } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { ProviderWebhook, WebhookPath } from './schemas'
import { storePaymentEvent, verifyWebhook } from './service'

const receiveWebhookOperation = operation({
  method: 'post',
  path: '/webhooks/payments/{provider}',
  formerPath: '/payments/webhooks/{provider}',
  tag: 'Payments',
  operationId: 'receivePaymentWebhook',
  summary: 'Receive a payment webhook',
  description:
    'Called by the card provider. The body must be signed by the provider within the last 300 seconds, else the answer is `invalid_signature`. Each event is stored once, however often it is sent, and processed later. Events of an unknown type, and signed bodies that cannot be read, are stored and ignored.',
  access: 'public',
  who: 'the provider, by its signature',
  audit: { kind: 'payment.webhook', action: 'E' },
  params: WebhookPath,
  body: ProviderWebhook,
  signed: true,
  maxBodyBytes: 1024 * 1024,
  answer: { status: 204, description: 'The event is stored' },
  problems: ['invalid_signature'],
})

export function webhookRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(receiveWebhookOperation, NEVER_REPLAYED, {
    beforeTransaction: (ctx, { params }, raw) => verifyWebhook(ctx, params.provider, raw),
    run: async (ctx, _input, event) => {
      await storePaymentEvent(ctx, event)
      return noContent({ detail: { provider: event.provider, event: event.name } })
    },
  })

  return app
}
