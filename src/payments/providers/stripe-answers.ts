import { z } from 'zod'
import {
  NEEDED_EVENT,
  type ProviderEntry,
  ProviderError,
  type ProviderEvent,
  type ProviderPayment,
  type ProviderPaymentDetails,
  type ProviderPaymentStatus,
  type ProviderRefund,
} from '../../ledger/provider'
import { fromStripeMoney } from './stripe-amounts'

/** Metadata keys that hold our ids at Stripe. */
export const PAYMENT_ID = 'payment_id'
export const REFUND_ID = 'refund_id'

const amount = z.int().min(0)
const currency = z.string().length(3)
const metadata = z.record(z.string(), z.string()).nullish()
/** An id, or the whole object if the request asked to expand it. */
const idOf = z.union([z.string(), z.object({ id: z.string() }).transform(({ id }) => id)])

const PaymentIntent = z.object({
  object: z.literal('payment_intent'),
  id: z.string(),
  status: z.enum([
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'processing',
    'requires_capture',
    'succeeded',
    'canceled',
  ]),
  amount,
  currency,
  client_secret: z.string().nullish(),
  metadata,
  last_payment_error: z.object({ code: z.string().nullish(), decline_code: z.string().nullish() }).nullish(),
  latest_charge: z.union([z.string(), z.object({ amount_refunded: amount })]).nullish(),
})
type PaymentIntent = z.infer<typeof PaymentIntent>

const Refund = z.object({
  object: z.literal('refund'),
  id: z.string(),
  status: z.enum(['pending', 'requires_action', 'succeeded', 'failed', 'canceled']),
  amount,
  currency,
  payment_intent: idOf.nullish(),
  created: z.int(),
  metadata,
})
type Refund = z.infer<typeof Refund>

const Charge = z.object({
  object: z.literal('charge'),
  id: z.string(),
  status: z.enum(['succeeded', 'pending', 'failed']),
  amount,
  currency,
  payment_intent: idOf.nullish(),
  created: z.int(),
  metadata,
})

const Page = z.object({
  object: z.literal('list'),
  data: z.array(z.looseObject({ id: z.string() })),
  has_more: z.boolean(),
})

/** The end of the year 2199, which the database can store. */
const LAST_SECOND = 7_258_118_399

const Event = z.object({
  object: z.literal('event'),
  id: z.string().max(255),
  type: z.string().max(255),
  created: z.int().min(0).max(LAST_SECOND),
  data: z.object({ object: z.unknown() }),
})

const REFUND_STATUS = {
  pending: 'pending',
  requires_action: 'pending',
  succeeded: 'succeeded',
  failed: 'failed',
  canceled: 'failed',
} as const

/** Throws `unavailable` for an answer of another shape, which counts as no answer. */
export function readStripePayment(answer: unknown): ProviderPaymentDetails {
  const intent = parse(PaymentIntent, answer)
  const charge = intent.latest_charge
  const refunded = typeof charge === 'object' && charge ? charge.amount_refunded : 0
  return {
    ...toPayment(intent),
    refunded: fromStripeMoney(refunded, intent.currency).amount,
    clientSecret: intent.client_secret ?? null,
  }
}

/** Throws `unavailable` for an answer of another shape. */
export const readStripeRefund = (answer: unknown): ProviderRefund => toRefund(parse(Refund, answer))

/** `lastId` is the cursor of the next page; undefined on the last page. Throws `unavailable` for another shape. */
export function readStripePage(answer: unknown): { items: unknown[]; lastId: string | undefined } {
  const { data, has_more } = parse(Page, answer)
  return { items: data, lastId: has_more ? data.at(-1)?.id : undefined }
}

/** A charge or refund of a PaymentIntent; undefined for a failed charge and for money outside PaymentIntents. */
export function readStripeEntry(answer: unknown): ProviderEntry | undefined {
  const entry = parse(z.union([Charge, Refund]), answer)
  if (!entry.payment_intent || (entry.object === 'charge' && entry.status === 'failed')) return undefined
  return {
    kind: entry.object,
    ref: entry.id,
    paymentRef: entry.payment_intent,
    paymentId: entry.metadata?.[PAYMENT_ID] ?? null,
    refundId: entry.metadata?.[REFUND_ID] ?? null,
    ...fromStripeMoney(entry.amount, entry.currency),
    status: REFUND_STATUS[entry.status],
    createdAt: fromUnix(entry.created),
  }
}

const PAYMENT_EVENT = /^payment_intent\./
/** `charge.refund.updated` is the former name of `refund.updated`; `charge.refunded` contains a charge and nothing new. */
const REFUND_EVENT = /^(?:refund\.|charge\.refund\.updated$)/

/** Reads the signed body of a webhook. Throws `rejected` for no event, or for a payment or refund of another shape. */
export function readStripeEvent(rawBody: string): ProviderEvent {
  const event = parse(Event, parseJson(rawBody), 'rejected')
  const base = { id: event.id, name: event.type, occurredAt: fromUnix(event.created) }
  const { object } = event.data
  if (PAYMENT_EVENT.test(event.type))
    return { ...base, type: 'payment', payment: toPayment(parse(PaymentIntent, object, 'rejected', NEEDED_EVENT)) }
  if (!REFUND_EVENT.test(event.type)) return { ...base, type: 'unknown' }
  const refund = parse(Refund, object, 'rejected', NEEDED_EVENT)
  return refund.payment_intent ? { ...base, type: 'refund', refund: toRefund(refund) } : { ...base, type: 'unknown' }
}

const toPayment = (intent: PaymentIntent): ProviderPayment => ({
  ref: intent.id,
  paymentId: intent.metadata?.[PAYMENT_ID] ?? null,
  ...fromStripeMoney(intent.amount, intent.currency),
  status: statusOf(intent),
  failureCode: intent.last_payment_error?.decline_code ?? intent.last_payment_error?.code ?? null,
})

function statusOf({ status, last_payment_error: failure }: PaymentIntent): ProviderPaymentStatus {
  if (status === 'canceled') return 'cancelled'
  if (status === 'requires_capture') return 'processing'
  if (status !== 'requires_payment_method' && status !== 'requires_confirmation') return status
  return failure ? 'failed' : 'pending'
}

const toRefund = (refund: Refund): ProviderRefund => ({
  ref: refund.id,
  paymentRef: refund.payment_intent ?? '',
  refundId: refund.metadata?.[REFUND_ID] ?? null,
  ...fromStripeMoney(refund.amount, refund.currency),
  status: REFUND_STATUS[refund.status],
})

function parse<T>(
  schema: z.ZodType<T>,
  answer: unknown,
  kind: 'unavailable' | 'rejected' = 'unavailable',
  code: string | null = null,
): T {
  const parsed = schema.safeParse(answer)
  if (parsed.success) return parsed.data
  const where = parsed.error.issues.map(({ path }) => path.join('.') || 'the top').join(', ')
  throw new ProviderError(kind, 'stripe', `unexpected shape at ${where}`, code)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const fromUnix = (seconds: number) => new Date(seconds * 1000)
