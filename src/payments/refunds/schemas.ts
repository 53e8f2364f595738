import { z } from '@hono/zod-openapi'
import { MAX_MINOR_UNITS, text } from '../../http/schemas'

export const RefundPayment = z
  .strictObject({
    amount: z
      .int()
      .min(1)
      .max(MAX_MINOR_UNITS)
      .optional()
      .openapi({ description: 'Minor units of the payment’s currency; all that is left when left out.' }),
    reason: text(500).openapi({ description: 'Kept with the refund and never sent to the provider.' }),
  })
  .openapi('RefundPayment', { example: { amount: 2500, reason: 'The visit was cut short' } })
export type RefundPayment = z.output<typeof RefundPayment>
