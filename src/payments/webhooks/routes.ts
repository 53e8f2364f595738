import type { Deps } from '../../deps'
import { noContent } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { createRouter } from '../../http/operations/router'
import { ProviderWebhook, WebhookPath } from './schemas'
import { storePaymentEvent, verifyWebhook } from './service'

const receiveWebhookOperation = operation({
  method: 'post',
  path: '/payments/webhooks/{provider}',
  tag: 'Payments',
  operationId: 'receivePaymentWebhook',
  summary: 'Take a webhook of a payment provider',
  description:
    'Believed by the provider’s signature over the raw body, made within the last 300 seconds (`invalid_signature` otherwise). An event is stored once, however often it comes, answered at once and worked on later; one of an unknown kind is kept and ignored.',
  access: 'public',
  who: 'the provider, by its signature',
  audit: { kind: 'payment.webhook', action: 'E' },
  params: WebhookPath,
  body: ProviderWebhook,
  answer: { status: 204, description: 'Stored, now or before' },
  problems: ['invalid_signature'],
})

export function webhookRoutes(deps: Deps) {
  const { app, mutation } = createRouter(deps)

  mutation(receiveWebhookOperation, {
    beforeTransaction: (ctx, { params }, raw) => verifyWebhook(ctx, params.provider, raw),
    run: async (ctx, _input, event) => {
      await storePaymentEvent(ctx, event)
      return noContent({ detail: { provider: event.provider, event: event.name } })
    },
  })

  return app
}
