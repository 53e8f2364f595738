import type { Generated } from 'kysely'

export type PaymentStatus =
  | 'pending'
  | 'requires_action'
  | 'processing'
  | 'succeeded'
  | 'partially_refunded'
  | 'refunded'
  | 'failed'
  | 'cancelled'

export type PaymentsTable = {
  id: string
  appointmentId: string
  /** Minor units, from the appointment's booked terms. */
  amount: number
  currency: string
  method: 'card' | 'cash' | 'insurance'
  provider: string
  status: PaymentStatus
  createdBy: string
  paidAt: Date | null
  createdAt: Generated<Date>
}

export type PaymentsTables = { payments: PaymentsTable }
