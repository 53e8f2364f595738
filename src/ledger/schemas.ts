import { z } from '@hono/zod-openapi'
import { Instant, MAX_MINOR_UNITS, Uuid } from '../http/schemas'

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

const PaymentEntry = z.object({
  id: Uuid,
  kind: z.enum(['charge', 'refund']),
  amount: z.int().min(1).max(MAX_MINOR_UNITS).openapi({ description: 'Always positive.' }),
  currency: z.string().length(3),
  status: z
    .enum(['pending', 'succeeded', 'failed'])
    .openapi({ description: 'A `pending` refund already counts as refunded; a `failed` refund does not.' }),
  reason: z.enum(['cancelled_by_patient', 'cancelled_by_clinic', 'hold_ended', 'other']).nullable(),
  createdAt: Instant,
})

export const Payment = z
  .object({
    id: Uuid,
    appointmentId: Uuid,
    amount: z.int().min(1).max(MAX_MINOR_UNITS).openapi({ description: 'Minor units: the price at booking.' }),
    currency: z.string().length(3),
    method: PaymentMethod,
    provider: z.string().max(40).openapi({ description: 'The card provider, or `desk` for cash and insurance.' }),
    status: PaymentStatus,
    failureCode: z
      .string()
      .max(255)
      .nullable()
      .openapi({ description: 'The provider’s code for why the last try failed, such as `card_declined`.' }),
    refundable: z
      .int()
      .min(0)
      .max(MAX_MINOR_UNITS)
      .openapi({ description: 'Minor units: the amount paid minus its refunds.' }),
    resolution: z
      .enum(['confirmed', 'rebooked', 'refunded_slot_lost', 'refunded_cancelled', 'refunded_duplicate'])
      .nullable()
      .openapi({
        description:
          'The effect of the money on the appointment when it was received. `confirmed`: it confirmed the hold. `rebooked`: the hold had expired, but its time was still free. `refunded_slot_lost`: the hold had expired and its time was no longer free. `refunded_cancelled`: the appointment had been cancelled. `refunded_duplicate`: another payment was already active. Null: no effect, or not received yet.',
      }),
    entries: z.array(PaymentEntry).max(1000).openapi({ description: 'The charge and its refunds, oldest first.' }),
    createdAt: Instant,
    attention: z
      .array(z.enum(['event_not_applied', 'refund_not_sent', 'refund_refused', 'release_not_sent']))
      .max(4)
      .optional()
      .openapi({
        description:
          'Only for admins: why a person must look at it. `refund_refused`: a refund failed, and later refunds have not reached its amount. `event_not_applied`: a webhook about it could not be applied. `refund_not_sent`, `release_not_sent`: the refund or the cancellation cannot be sent, for example as the provider is no longer configured.',
      }),
    clientSecret: z.string().max(500).optional().openapi({
      description: 'Only for the payer of an unfinished card payment: their browser finishes the payment with it.',
    }),
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
      failureCode: null,
      refundable: 0,
      resolution: null,
      entries: [],
      createdAt: '2026-03-02T14:00:00Z',
    },
  })
export type Payment = z.infer<typeof Payment>
