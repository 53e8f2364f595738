import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Problem, Uuid } from '../http/schemas'
import { Payment, PaymentMethod } from '../ledger/schemas'

export const PaymentPage = pageOf('Payment', Payment)

export const CreatePayment = z
  .strictObject({ appointmentId: Uuid, method: PaymentMethod })
  .openapi('CreatePayment', { example: { appointmentId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', method: 'cash' } })
export type CreatePayment = z.infer<typeof CreatePayment>

export const ListPaymentsQuery = z.strictObject({
  ...pageFields,
  appointmentId: Uuid.optional(),
  needsAttention: z
    .enum(['true'])
    .optional()
    .openapi({ description: 'Only payments with `attention`. An empty list unless you are an admin.' }),
})

export const PaymentPath = z.strictObject({ id: Uuid })

export const PaymentConflict = Problem.extend({
  paymentId: Uuid.optional().openapi({ description: 'With `payment_exists`: the active payment.' }),
}).openapi('PaymentConflict')
