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

/** Effect of the received money on the appointment; null if it changed nothing. */
export type PaymentResolution =
  | 'confirmed'
  | 'rebooked'
  | 'refunded_slot_lost'
  | 'refunded_cancelled'
  | 'refunded_duplicate'

export type PaymentsTable = {
  id: string
  appointmentId: string
  /** Minor units, from the appointment's terms. */
  amount: number
  currency: string
  method: PaymentMethod
  provider: string
  /** Derived from the columns below by `deriveStatus`. */
  status: PaymentStatus
  /** The provider's own id; null until its first answer is stored. */
  providerRef: string | null
  /** Merged from the provider's reports, and the time of the report that won; see `mergeProviderState`. */
  providerStatus: ProviderPaymentStatus | null
  providerStatusAt: Date | null
  failureCode: string | null
  /** Sums of the entries without failed refunds, kept by a trigger. Constraints: 0 ≤ refunded ≤ charged ≤ amount. */
  chargedAmount: Generated<number>
  refundedAmount: Generated<number>
  resolution: PaymentResolution | null
  /** Another payment of the appointment was already active when this one became active. */
  superseded: Generated<boolean>
  /** When the payment was released. */
  releaseRequestedAt: Date | null
  /** Failed attempts to release it at its provider while that answers, and not before: the next one. */
  releaseAttempts: Generated<number>
  releaseRetryAt: Date | null
  createdBy: string
  paidAt: Date | null
  createdAt: Generated<Date>
}

/** The ledger's entries. Only the status and what the provider reports with it change; amounts never do. */
export type PaymentEntriesTable = {
  /** For a refund also its idempotency key at the provider. */
  id: string
  paymentId: string
  kind: 'charge' | 'refund'
  amount: number
  currency: string
  /** A pending refund already counts, so that refunds can never exceed the charge; a failed refund does not count. */
  status: 'pending' | 'succeeded' | 'failed'
  provider: string
  providerRef: string | null
  reason: RefundReason | null
  /** Free text of the admin who ordered the refund; never sent to the provider. */
  note: string | null
  failureCode: string | null
  createdBy: string | null
  createdAt: Generated<Date>
  settledAt: Date | null
  /** Failed attempts to send the refund while its provider answers, and not before: the next one. */
  attempts: Generated<number>
  retryAt: Date | null
  /** When an admin said that nothing is left to do about this failed refund. */
  attentionClearedAt: Date | null
}

/** A view: why payments need a person. A failed refund does until later refunds reach its amount. */
export type PaymentsNeedingAttentionView = {
  paymentId: string
  reason: 'refund_refused' | 'refund_not_sent' | 'release_not_sent' | 'event_not_applied'
}

export type LedgerTables = {
  payments: PaymentsTable
  paymentEntries: PaymentEntriesTable
  paymentsNeedingAttention: PaymentsNeedingAttentionView
}
