import { z } from '@hono/zod-openapi'
import { lines, MAX_MINOR_UNITS } from '../../http/schemas'

export const RefundPayment = z
  .strictObject({
    amount: z
      .int()
      .min(1)
      .max(MAX_MINOR_UNITS)
      .optional()
      .openapi({ description: 'Minor units of the payment’s currency. Default: all that is refundable.' }),
    reason: lines(500).openapi({ description: 'Stored with the refund; never sent to the provider.' }),
  })
  .openapi('RefundPayment', { example: { amount: 2500, reason: 'The visit was cut short' } })
export type RefundPayment = z.output<typeof RefundPayment>
