import type { Money } from './currency'

/** No call to a provider takes longer, retries and look-ups included. */
export const PROVIDER_DEADLINE_MS = 8_000

/**
 * `pending`: nothing has been tried yet. `failed`: the last try failed, and the payer may try again: cancel the payment
 * before giving its appointment up. Only `succeeded` and `cancelled` are final.
 */
export type ProviderPaymentStatus = 'pending' | 'requires_action' | 'processing' | 'succeeded' | 'failed' | 'cancelled'

export type ProviderPayment = Money & {
  /** The provider's own id. */
  ref: string
  /** Ours; null for one that was not made through this port. */
  paymentId: string | null
  status: ProviderPaymentStatus
  /** The provider's word for why the last try failed, such as `card_declined`. */
  failureCode: string | null
}

export type ProviderPaymentDetails = ProviderPayment & {
  /** What has been or is being given back, in minor units. */
  refunded: number
  /** With it the payer's browser finishes the payment. For the payer alone; never logged or stored. */
  clientSecret: string | null
}

export type ProviderRefund = Money & {
  ref: string
  paymentRef: string
  /** Ours; null for one made elsewhere, for example in the provider's own dashboard. */
  refundId: string | null
  /** A refund can fail days after it was accepted: the money then stays with the clinic. */
  status: 'pending' | 'succeeded' | 'failed'
}

export type RefundReason = 'cancelled_by_patient' | 'cancelled_by_clinic' | 'hold_ended' | 'other'

/** Money that moved, or a refund on its way, for comparing with our ledger. */
export type ProviderEntry = Money & {
  kind: 'charge' | 'refund'
  /** Of the charge or refund itself. */
  ref: string
  paymentRef: string
  paymentId: string | null
  refundId: string | null
  status: ProviderRefund['status']
  createdAt: Date
}

export type ProviderEntryPage = { entries: ProviderEntry[]; nextCursor: string | null }

/**
 * What a webhook says, as of `occurredAt`: events come in any order, late and more than once. `name` is the provider's
 * own word; `unknown` is an event that says nothing of a payment or refund made through this port.
 */
export type ProviderEvent = { id: string; name: string; occurredAt: Date } & (
  | { type: 'payment'; payment: ProviderPayment }
  | { type: 'refund'; refund: ProviderRefund }
  | { type: 'unknown' }
)

export type CreatePaymentRequest = Money & {
  paymentId: string
  idempotencyKey: string
  /** Kept by the provider and shown in its dashboard: ids only, nothing personal. */
  metadata?: Record<string, string>
}

export type RefundRequest = {
  /** The payment's. */
  ref: string
  refundId: string
  /** Minor units of the payment's currency. */
  amount: number
  currency: string
  idempotencyKey: string
  reason: RefundReason
}

/**
 * Whoever takes the money. Every call answers within PROVIDER_DEADLINE_MS or throws ProviderError. Calls with an
 * idempotency key may be repeated for 24 hours after the first and then have one effect; a refund is made once per
 * `refundId` however much later it is repeated.
 */
export type PaymentProvider = {
  /** Stored with each payment and part of the webhook's path. */
  readonly name: string
  /** False: no network and no webhooks; staff say when a payment is paid. */
  readonly online: boolean
  /** Charges and refunds in this currency must be multiples of so many minor units; others are `rejected`. */
  amountStep(currency: string): number
  createPayment(request: CreatePaymentRequest): Promise<ProviderPaymentDetails>
  getPayment(ref: string): Promise<ProviderPaymentDetails>
  /** The status afterwards: `cancelled`, or `succeeded` or `processing` when it is too late; that is no error. */
  cancelPayment(ref: string, idempotencyKey: string): Promise<ProviderPaymentStatus>
  /** More than what is left of the payment is `rejected`. */
  refund(request: RefundRequest): Promise<ProviderRefund>
  getRefund(ref: string): Promise<ProviderRefund>
  /** Entries made in `from <= t < until`, whole seconds, in no order to rely on. A page can be empty and not the last. */
  listEntries(range: { from: Date; until: Date }, cursor?: string): Promise<ProviderEntryPage>
  /** `rawBody` exactly as received. Throws `bad_signature`, and `rejected` for a signed event that makes no sense. */
  verifyWebhook(rawBody: string, headers: Headers, now: Date): Promise<ProviderEvent>
}

/**
 * `declined`: the payer's bank said no. `rejected`: the same request will be refused again. `unavailable`: no answer,
 * none in time or none that makes sense, so the effect may have happened: repeat it with the same key.
 */
export type ProviderErrorKind = 'declined' | 'rejected' | 'unavailable' | 'bad_signature'

/** `code` is the provider's own, if it gave one. Holds no secret and nothing personal. */
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

/** The providers that are configured, the desk among them. */
export type PaymentProviders = {
  /** Who takes new payments by this method; undefined for cards where nobody does. */
  forMethod(method: PaymentMethod): PaymentProvider | undefined
  /** By the name stored with a payment, or in a webhook's path. */
  named(name: string): PaymentProvider | undefined
  /** Those that keep books of their own, to be compared with ours. */
  online: readonly PaymentProvider[]
  close(): void
}
