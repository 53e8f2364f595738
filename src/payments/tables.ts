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
  /** `unmatched`: it may belong to a payment whose ref is not known yet. */
  outcome: 'applied' | 'ignored' | 'unmatched' | null
  processedAt: Date | null
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
