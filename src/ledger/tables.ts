import type { Generated } from 'kysely'
import type { PaymentMethod, ProviderPaymentStatus, RefundReason } from './provider'

export type PaymentStatus =
  | 'pending'
  | 'requires_action'
  | 'processing'
  | 'succeeded'
  | 'partially_refunded'
  | 'refunded'
  | 'failed'
  | 'cancelled'

/** What the money did to the appointment when it came; null where it changed nothing. */
export type PaymentResolution =
  | 'confirmed'
  | 'rebooked'
  | 'refunded_slot_lost'
  | 'refunded_cancelled'
  | 'refunded_duplicate'

export type PaymentsTable = {
  id: string
  appointmentId: string
  /** Minor units, from the appointment's booked terms. */
  amount: number
  currency: string
  method: PaymentMethod
  provider: string
  /** Follows from the columns below; see `deriveStatus`. */
  status: PaymentStatus
  /** The provider's own id; null until its first answer is stored. */
  providerRef: string | null
  /** The most that the provider is known to have said, and when it was so. */
  providerStatus: ProviderPaymentStatus | null
  providerStatusAt: Date | null
  failureCode: string | null
  /** Sums of the entries, kept by a trigger: charges, and refunds that have not failed. Constraints keep 0 ≤ refunded ≤ charged ≤ amount. */
  chargedAmount: Generated<number>
  refundedAmount: Generated<number>
  resolution: PaymentResolution | null
  /** Another payment of the appointment had taken its place when it came in. */
  superseded: Generated<boolean>
  /** Since when the clinic does not want the money any more. */
  releaseRequestedAt: Date | null
  createdBy: string
  paidAt: Date | null
  createdAt: Generated<Date>
}

/** The ledger. Only `status`, and what the provider says with it, ever changes; amounts never do. */
export type PaymentEntriesTable = {
  /** Of a refund, the id under which the provider makes it once. */
  id: string
  paymentId: string
  kind: 'charge' | 'refund'
  amount: number
  currency: string
  /** A refund counts from the moment it is wanted, so that no two can exceed the charge; a failed one does not. */
  status: 'pending' | 'succeeded' | 'failed'
  provider: string
  providerRef: string | null
  reason: RefundReason | null
  /** Free text of whoever ordered it; stays here. */
  note: string | null
  failureCode: string | null
  createdBy: string | null
  createdAt: Generated<Date>
  settledAt: Date | null
}

export type LedgerTables = { payments: PaymentsTable; paymentEntries: PaymentEntriesTable }
