import {
  type PaymentProvider,
  PROVIDER_DEADLINE_MS,
  ProviderError,
  type ProviderRefund,
  type RefundRequest,
} from '../../ledger/provider'
import { stripeAmountStep, toStripeMoney } from './stripe-amounts'
import {
  PAYMENT_ID,
  REFUND_ID,
  readStripeEntry,
  readStripeEvent,
  readStripePage,
  readStripePayment,
  readStripeRefund,
} from './stripe-answers'
import { callStripe, createStripeClient } from './stripe-client'
import { findSignatureFault, textOf } from './webhook-signature'

const NAME = 'stripe'

export type StripeOptions = {
  secretKey: string
  /** Every secret still in use: after a secret is rolled, Stripe signs with the old and the new one for a while. */
  webhookSecrets: readonly string[]
  baseUrl?: string
  deadlineMs?: number
  /** Entries per request, at most 100. */
  pageSize?: number
}

/** Cards by Stripe's PaymentIntents with automatic capture; the payer's browser confirms them with the client secret. */
export function createStripe({
  secretKey,
  webhookSecrets,
  baseUrl,
  deadlineMs = PROVIDER_DEADLINE_MS,
  pageSize = 100,
}: StripeOptions): PaymentProvider {
  let client: ReturnType<typeof createStripeClient> | undefined
  const stripe = () => {
    client ??= createStripeClient({ secretKey, baseUrl })
    return client
  }

  /** Returns options for the requests of one call, which share one deadline. */
  function startDeadline() {
    const end = performance.now() + deadlineMs
    return (idempotencyKey?: string) => {
      const timeout = Math.max(1, Math.floor(end - performance.now()))
      return idempotencyKey === undefined ? { timeout } : { timeout, idempotencyKey }
    }
  }

  const getPayment = async (ref: string, options = startDeadline()) =>
    readStripePayment(await (await stripe()).paymentIntents.retrieve(ref, { expand: ['latest_charge'] }, options()))

  /** Stripe forgets idempotency keys after 24 hours, so the refund is looked up in its list. */
  async function findRefund({ ref, refundId }: RefundRequest, options: ReturnType<typeof startDeadline>) {
    let last: string | undefined
    for (;;) {
      const query = { payment_intent: ref, limit: pageSize, starting_after: last }
      const { items, lastId } = readStripePage(await (await stripe()).refunds.list(query, options()))
      const found = items.map(readStripeRefund).find((refund) => refund.refundId === refundId)
      if (found || !lastId) return found
      last = lastId
    }
  }

  async function refund(request: RefundRequest): Promise<ProviderRefund> {
    const options = startDeadline()
    const { amount } = checkedMoney(request)
    const existing = await findRefund(request, options)
    if (existing) return requireSameRefund(existing, request)
    const params = {
      payment_intent: request.ref,
      amount,
      metadata: { [REFUND_ID]: request.refundId, reason: request.reason },
      ...(request.reason === 'cancelled_by_patient' && { reason: 'requested_by_customer' as const }),
    }
    return readStripeRefund(await (await stripe()).refunds.create(params, options(request.idempotencyKey)))
  }

  return {
    name: NAME,
    online: true,
    amountStep: stripeAmountStep,

    createPayment: ({ paymentId, amount, currency, idempotencyKey, metadata }) =>
      callStripe(async () => {
        const params = {
          ...checkedMoney({ amount, currency }),
          capture_method: 'automatic' as const,
          payment_method_types: ['card'],
          metadata: { ...metadata, [PAYMENT_ID]: paymentId },
        }
        return readStripePayment(await (await stripe()).paymentIntents.create(params, startDeadline()(idempotencyKey)))
      }),

    getPayment: (ref) => callStripe(() => getPayment(ref)),

    async cancelPayment(ref, idempotencyKey) {
      const options = startDeadline()
      try {
        const cancelled = await callStripe(async () =>
          (await stripe()).paymentIntents.cancel(ref, {}, options(idempotencyKey)),
        )
        return readStripePayment(cancelled).status
      } catch (error) {
        if (!isTooLate(error)) throw error
        return (await callStripe(() => getPayment(ref, options))).status
      }
    },

    refund: (request) => callStripe(() => refund(request)),

    getRefund: (ref) =>
      callStripe(async () => readStripeRefund(await (await stripe()).refunds.retrieve(ref, {}, startDeadline()()))),

    /** First the charges, then the refunds; the cursor is `<kind> <last id>`. */
    listEntries: ({ from, until }, cursor = 'charge') =>
      callStripe(async () => {
        const [kind, last] = cursor.split(' ')
        const { charges, refunds } = await stripe()
        const resource = kind === 'charge' ? charges : refunds
        const created = { gte: toUnix(from), lt: toUnix(until) }
        const query = { created, limit: pageSize, starting_after: last }
        const { items, lastId } = readStripePage(await resource.list(query, startDeadline()()))
        const end = kind === 'charge' ? 'refund' : null
        const entries = items.map(readStripeEntry).filter((entry) => entry !== undefined)
        return { entries, nextCursor: lastId ? `${kind} ${lastId}` : end }
      }),

    async verifyWebhook(rawBody, headers, now) {
      const fault = await findSignatureFault(headers.get('stripe-signature'), rawBody, webhookSecrets, now)
      if (fault) throw new ProviderError('bad_signature', NAME, fault)
      return readStripeEvent(textOf(rawBody))
    },
  }
}

/** The payment has already succeeded or been cancelled. Stripe also repeats this error for the same idempotency key. */
const isTooLate = (error: unknown) =>
  error instanceof ProviderError && error.kind === 'rejected' && error.code === 'payment_intent_unexpected_state'

/** Converts to Stripe's amount. Throws `rejected` for an amount that Stripe would refuse. */
function checkedMoney(money: { amount: number; currency: string }) {
  try {
    return toStripeMoney(money)
  } catch (cause) {
    throw new ProviderError('rejected', NAME, 'the amount cannot be charged', 'amount_step', { cause })
  }
}

function requireSameRefund(found: ProviderRefund, { amount, currency }: RefundRequest): ProviderRefund {
  if (found.amount !== amount || found.currency !== currency)
    throw new ProviderError('rejected', NAME, 'a refund with this id has another amount', 'refund_id_reused')
  return found
}

const toUnix = (date: Date) => Math.floor(date.getTime() / 1000)
