import { z } from '@hono/zod-openapi'

export const WebhookPath = z.strictObject({
  provider: z
    .string()
    .min(1)
    .max(40)
    .regex(/^[a-z]+$/, 'must be the name of a provider')
    .openapi({ example: 'stripe' }),
})

/** Not checked further: the signature covers the raw text, and the provider's adapter reads it. */
export const ProviderWebhook = z.record(z.string(), z.unknown()).openapi('ProviderWebhook', {
  description: 'An event in the provider’s own format.',
  example: { id: 'evt_1SQ2x9', object: 'event', type: 'payment_intent.succeeded' },
})
