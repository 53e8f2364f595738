import type { Money } from './currency'

/** Longest time for one call to a provider, retries and look-ups included. */
export const PROVIDER_DEADLINE_MS = 8_000

/**
 * `pending`: the payer has not tried yet. `failed`: the last try failed, and the payer may try again until the payment is
 * cancelled. Only `succeeded` and `cancelled` are final.
 */
export type ProviderPaymentStatus = 'pending' | 'requires_action' | 'processing' | 'succeeded' | 'failed' | 'cancelled'

export type ProviderPayment = Money & {
  /** The provider's own id. */
  ref: string
  /** Our id; null for a payment made outside this API. */
  paymentId: string | null
  status: ProviderPaymentStatus
  /** The provider's code for why the last try failed, such as `card_declined`. */
  failureCode: string | null
}

export type ProviderPaymentDetails = ProviderPayment & {
  /** Sum of the refunds that succeeded or are pending, in minor units. */
  refunded: number
  /** Lets the payer's browser finish the payment. Only for the payer; never logged or stored. */
  clientSecret: string | null
}

export type ProviderRefund = Money & {
  ref: string
  paymentRef: string
  /** Our id; null for a refund made elsewhere, for example in the provider's dashboard. */
  refundId: string | null
  /** A refund can fail days after it was accepted: the money then stays with the clinic. */
  status: 'pending' | 'succeeded' | 'failed'
}

export type RefundReason = 'cancelled_by_patient' | 'cancelled_by_clinic' | 'hold_ended' | 'other'

/** A charge or refund in the provider's books, to be compared with our ledger. */
export type ProviderEntry = Money & {
  kind: 'charge' | 'refund'
  /** The provider's id of the charge or refund itself. */
  ref: string
  paymentRef: string
  paymentId: string | null
  refundId: string | null
  status: ProviderRefund['status']
  createdAt: Date
}

export type ProviderEntryPage = { entries: ProviderEntry[]; nextCursor: string | null }

/**
 * Content of a webhook, as of `occurredAt`: events arrive in any order, late and more than once. `name` is the provider's
 * own; an `unknown` event is about neither a payment nor a refund.
 */
export type ProviderEvent = { id: string; name: string; occurredAt: Date } & (
  | { type: 'payment'; payment: ProviderPayment }
  | { type: 'refund'; refund: ProviderRefund }
  | { type: 'unknown' }
)

export type CreatePaymentRequest = Money & {
  paymentId: string
  idempotencyKey: string
  /** Stored by the provider and shown in its dashboard: ids only, no personal data. */
  metadata?: Record<string, string>
}

export type RefundRequest = {
  /** The provider's id of the payment. */
  ref: string
  refundId: string
  /** Minor units of the payment's currency. */
  amount: number
  currency: string
  idempotencyKey: string
  reason: RefundReason
}

/**
 * A card provider or the desk. Every call answers within PROVIDER_DEADLINE_MS or throws ProviderError. A call repeated
 * with its idempotency key within 24 hours has one effect; a refund is made once per `refundId`, at any later time.
 */
export type PaymentProvider = {
  /** Stored with each payment; also part of the webhook's path. */
  readonly name: string
  /** False: no network and no webhooks; staff mark payments as paid. */
  readonly online: boolean
  /** Charges and refunds in this currency must be multiples of this many minor units; others are `rejected`. */
  amountStep(currency: string): number
  createPayment(request: CreatePaymentRequest): Promise<ProviderPaymentDetails>
  getPayment(ref: string): Promise<ProviderPaymentDetails>
  /** Returns the status afterwards: `cancelled`, or `succeeded` or `processing` when it was too late (no error). */
  cancelPayment(ref: string, idempotencyKey: string): Promise<ProviderPaymentStatus>
  /** An amount above the refundable rest is `rejected`. */
  refund(request: RefundRequest): Promise<ProviderRefund>
  getRefund(ref: string): Promise<ProviderRefund>
  /** Entries made in `from <= t < until`, whole seconds, in any order. An empty page need not be the last. */
  listEntries(range: { from: Date; until: Date }, cursor?: string): Promise<ProviderEntryPage>
  /** `rawBody` exactly as received. Throws `bad_signature`, and `rejected` for a signed body that is no valid event. */
  verifyWebhook(rawBody: string | Uint8Array<ArrayBuffer>, headers: Headers, now: Date): Promise<ProviderEvent>
}

/**
 * `declined`: the payer's bank refused. `rejected`: the same request will be refused again. `unavailable`: no valid answer
 * in time, so the effect may have happened: repeat the call with the same key.
 */
export type ProviderErrorKind = 'declined' | 'rejected' | 'unavailable' | 'bad_signature'

/** The code of a `rejected` webhook about a payment or refund that cannot be read: a person must look at it. */
export const NEEDED_EVENT = 'needed_event'

/** `code` is the provider's own, if it sent one. Contains no secret and no personal data. */
export class ProviderError extends Error {
  override name = 'ProviderError'

  constructor(
    readonly kind: ProviderErrorKind,
    readonly provider: string,
    readonly detail: string,
    readonly code: string | null = null,
    options?: ErrorOptions,
  ) {
    super(`${provider}: ${kind}: ${detail}`, options)
  }
}

export type PaymentMethod = 'card' | 'cash' | 'insurance'

/** The configured providers and the desk. */
export type PaymentProviders = {
  /** The provider for new payments by this method; undefined for cards when no card provider is configured. */
  forMethod(method: PaymentMethod): PaymentProvider | undefined
  /** The provider by its name, as stored with a payment or given in a webhook's path. */
  named(name: string): PaymentProvider | undefined
  /** Providers that keep their own books, for reconciliation. */
  online: readonly PaymentProvider[]
  close(): void
}
