import type { Generated } from 'kysely'

/** Webhook events, each stored once. Of their content only ids, amounts and statuses are kept. */
export type PaymentEventsTable = {
  id: string
  provider: string
  eventId: string
  name: string
  type: 'payment' | 'refund' | 'unknown'
  occurredAt: Date
  receivedAt: Date
  paymentRef: string | null
  snapshot: Record<string, unknown> | null
  /** `unmatched`: it may belong to a payment whose ref is not known yet. Null: not applied. */
  outcome: 'applied' | 'ignored' | 'unmatched' | null
  processedAt: Date | null
  /** The whole body, only of a signed event that could not be read. */
  raw: Uint8Array | null
  /** A person must look at it: it is about a payment or refund, and could not be read or applied. */
  needsAttention: Generated<boolean>
  /** Failed attempts to apply it. */
  attempts: Generated<number>
  /** Not before: the next attempt. */
  retryAt: Date | null
}

/** Reconciliations, one for each finished day and provider; unfinished while `finishedAt` is null. */
export type PaymentReconciliationsTable = {
  provider: string
  day: string
  startedAt: Date
  finishedAt: Date | null
  compared: number | null
  repaired: number | null
  /** Differences that need a person. */
  remaining: number | null
}

export type PaymentsTables = {
  paymentEvents: PaymentEventsTable
  paymentReconciliations: PaymentReconciliationsTable
}
