import { z } from '@hono/zod-openapi'

export const WebhookPath = z.strictObject({
  provider: z
    .string()
    .min(1)
    .max(40)
    .regex(/^[a-z]+$/, 'must be the name of a provider')
    .openapi({ example: 'stripe' }),
})

/** The provider's own business: what is signed is the text as it came. */
export const ProviderWebhook = z.record(z.string(), z.unknown()).openapi('ProviderWebhook', {
  description: 'As the provider defines it.',
  example: { id: 'evt_1SQ2x9', object: 'event', type: 'payment_intent.succeeded' },
})
