import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Instant, MAX_MINOR_UNITS, Problem, Uuid } from '../http/schemas'

export const PaymentMethod = z.enum(['card', 'cash', 'insurance']).openapi('PaymentMethod')

export const PaymentStatus = z
  .enum([
    'pending',
    'requires_action',
    'processing',
    'succeeded',
    'partially_refunded',
    'refunded',
    'failed',
    'cancelled',
  ])
  .openapi('PaymentStatus')

export const Payment = z
  .object({
    id: Uuid,
    appointmentId: Uuid,
    amount: z.int().min(1).max(MAX_MINOR_UNITS).openapi({ description: 'Minor units, as booked.' }),
    currency: z.string().length(3),
    method: PaymentMethod,
    provider: z.string().max(40).openapi({ description: '`desk`: taken by the clinic itself.' }),
    status: PaymentStatus,
    createdAt: Instant,
  })
  .openapi('Payment', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
      appointmentId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
      amount: 9500,
      currency: 'USD',
      method: 'cash',
      provider: 'desk',
      status: 'pending',
      createdAt: '2026-03-02T14:00:00Z',
    },
  })
export type Payment = z.infer<typeof Payment>

export const PaymentPage = pageOf('Payment', Payment)

export const CreatePayment = z
  .strictObject({ appointmentId: Uuid, method: PaymentMethod })
  .openapi('CreatePayment', { example: { appointmentId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', method: 'cash' } })
export type CreatePayment = z.infer<typeof CreatePayment>

export const ListPaymentsQuery = z.strictObject({ ...pageFields, appointmentId: Uuid.optional() })

export const PaymentPath = z.strictObject({ id: Uuid })

export const PaymentConflict = Problem.extend({
  paymentId: Uuid.optional().openapi({ description: 'With `payment_exists`: the payment that is there.' }),
}).openapi('PaymentConflict')
