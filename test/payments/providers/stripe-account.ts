import type { Stripe } from 'stripe'

/** Form fields with brackets as nested objects: `metadata[payment_id]=x` → `{ metadata: { payment_id: 'x' } }`. */
export type Params = { [name: string]: string | Params }

type Intent = Pick<
  Stripe.PaymentIntent,
  | 'id'
  | 'object'
  | 'amount'
  | 'amount_capturable'
  | 'amount_received'
  | 'canceled_at'
  | 'cancellation_reason'
  | 'capture_method'
  | 'client_secret'
  | 'confirmation_method'
  | 'created'
  | 'currency'
  | 'customer'
  | 'description'
  | 'livemode'
  | 'metadata'
  | 'payment_method'
  | 'payment_method_types'
  | 'status'
> & {
  last_payment_error: { type: string; code: string; decline_code: string; message: string } | null
  latest_charge: string | null
  next_action: { type: string } | null
}

type Charge = Pick<
  Stripe.Charge,
  | 'id'
  | 'object'
  | 'amount'
  | 'amount_captured'
  | 'amount_refunded'
  | 'captured'
  | 'created'
  | 'currency'
  | 'failure_code'
  | 'livemode'
  | 'metadata'
  | 'paid'
  | 'refunded'
  | 'status'
> & { payment_intent: string | null }

type Refund = Pick<
  Stripe.Refund,
  'id' | 'object' | 'amount' | 'created' | 'currency' | 'failure_reason' | 'metadata' | 'reason' | 'status'
> & { charge: string; payment_intent: string | null }

/** The outcome that the payer or the bank decides. */
export type Outcome = 'succeed' | 'fail' | 'require_action' | 'process'

type ErrorBody = { type: string; message: string; code?: string; param?: string; doc_url?: string }

/** An error answer. With `kept`, it is stored for its idempotency key, because the endpoint began to run. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly body: ErrorBody,
    readonly kept = false,
  ) {
    super(body.message)
  }
}

const THREE_DECIMALS = ['bhd', 'jod', 'kwd', 'omr', 'tnd']

/** The state behind the API: PaymentIntents, charges, refunds, and the rules of moving between them. */
export function createStripeAccount(clock: () => Date, emit: (type: string, object: object) => void) {
  const intents = new Map<string, Intent>()
  const charges = new Map<string, Charge>()
  const refunds = new Map<string, Refund>()
  const unix = () => Math.floor(clock().getTime() / 1000)

  function createIntent(params: Params): Intent {
    known(params, ['amount', 'currency', 'capture_method', 'payment_method_types', 'metadata', 'description'])
    const currency = text(params, 'currency')
    if (currency !== currency.toLowerCase() || currency.length !== 3)
      throw invalid(`Invalid currency: ${currency}.`, 'currency')
    const id = newId('pi')
    const intent: Intent = {
      id,
      object: 'payment_intent',
      amount: amountOf(params, currency),
      amount_capturable: 0,
      amount_received: 0,
      canceled_at: null,
      cancellation_reason: null,
      capture_method: text(params, 'capture_method') as Intent['capture_method'],
      client_secret: `${id}_secret_${newId('x').slice(2)}`,
      confirmation_method: 'automatic',
      created: unix(),
      currency,
      customer: null,
      description: null,
      last_payment_error: null,
      latest_charge: null,
      livemode: false,
      metadata: metadataOf(params),
      next_action: null,
      payment_method: null,
      payment_method_types: Object.values(params.payment_method_types ?? {}) as string[],
      status: 'requires_payment_method',
    }
    intents.set(id, intent)
    emit('payment_intent.created', intent)
    return intent
  }

  function findIntent(id: string): Intent {
    return intents.get(id) ?? missing('payment_intent', id, 'intent')
  }

  function cancelIntent(id: string): Intent {
    const intent = findIntent(id)
    if (intent.status === 'succeeded' || intent.status === 'canceled')
      throw new Refusal(
        400,
        {
          type: 'invalid_request_error',
          code: 'payment_intent_unexpected_state',
          doc_url: 'https://stripe.com/docs/error-codes/payment-intent-unexpected-state',
          message: `You cannot cancel this PaymentIntent because it has a status of ${intent.status}.`,
        },
        true,
      )
    Object.assign(intent, { status: 'canceled', canceled_at: unix(), next_action: null })
    emit('payment_intent.canceled', intent)
    return intent
  }

  /** Acts as the payer's browser with the client secret. Throws for a payment that has ended. */
  function confirm(id: string, outcome: Outcome): void {
    const intent = findIntent(id)
    if (intent.status === 'succeeded' || intent.status === 'canceled') throw new Error(`${id} is ${intent.status}`)
    if (outcome === 'require_action') {
      Object.assign(intent, { status: 'requires_action', next_action: { type: 'use_stripe_sdk' } })
      emit('payment_intent.requires_action', intent)
      return
    }
    if (outcome === 'process') {
      Object.assign(intent, { status: 'processing', next_action: null })
      emit('payment_intent.processing', intent)
      return
    }
    const paid = outcome === 'succeed'
    const charge: Charge = {
      id: newId('ch'),
      object: 'charge',
      amount: intent.amount,
      amount_captured: paid ? intent.amount : 0,
      amount_refunded: 0,
      captured: paid,
      created: unix(),
      currency: intent.currency,
      failure_code: paid ? null : 'card_declined',
      livemode: false,
      metadata: intent.metadata,
      paid,
      payment_intent: id,
      refunded: false,
      status: paid ? 'succeeded' : 'failed',
    }
    charges.set(charge.id, charge)
    emit(paid ? 'charge.succeeded' : 'charge.failed', charge)
    const declined = {
      type: 'card_error',
      code: 'card_declined',
      decline_code: 'generic_decline',
      message: 'Your card was declined.',
    }
    Object.assign(intent, {
      status: paid ? 'succeeded' : 'requires_payment_method',
      amount_received: paid ? intent.amount : 0,
      latest_charge: charge.id,
      next_action: null,
      last_payment_error: paid ? null : declined,
    })
    emit(paid ? 'payment_intent.succeeded' : 'payment_intent.payment_failed', intent)
  }

  function createRefund(params: Params): Refund {
    known(params, ['payment_intent', 'amount', 'reason', 'metadata'])
    const intent = findIntent(text(params, 'payment_intent'))
    const charge = charges.get(intent.latest_charge ?? '')
    if (charge?.status !== 'succeeded')
      throw invalid(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, 'payment_intent')
    const amount = amountOf(params, charge.currency)
    const left = charge.amount - charge.amount_refunded
    if (left === 0)
      throw invalid(`Charge ${charge.id} has already been refunded.`, 'payment_intent', 'charge_already_refunded')
    if (amount > left) throw invalid('Refund amount is greater than unrefunded amount on charge', 'amount')
    const refund: Refund = {
      id: newId('re'),
      object: 'refund',
      amount,
      charge: charge.id,
      created: unix(),
      currency: charge.currency,
      metadata: metadataOf(params),
      payment_intent: intent.id,
      reason: (params.reason ?? null) as Refund['reason'],
      status: 'succeeded',
    }
    refunds.set(refund.id, refund)
    charge.amount_refunded += amount
    charge.refunded = charge.amount_refunded === charge.amount
    emit('refund.created', refund)
    emit('charge.refunded', charge)
    return refund
  }

  /** Fails a refund, as a bank may do days later. */
  function failRefund(id: string): void {
    const refund = findRefund(id)
    Object.assign(refund, { status: 'failed', failure_reason: 'expired_or_canceled_card' })
    charges.get(refund.charge)!.amount_refunded -= refund.amount
    emit('refund.failed', refund)
  }

  function findRefund(id: string): Refund {
    return refunds.get(id) ?? missing('refund', id, 'id')
  }

  function list(url: string, stored: Map<string, Charge | Refund>, params: Params) {
    known(params, ['limit', 'starting_after', 'created', 'payment_intent'])
    const limit = Number(params.limit ?? 10)
    if (!(limit >= 1 && limit <= 100)) throw invalid('Invalid limit', 'limit')
    const { gte = '0', lt = '9999999999', ...others } = (params.created ?? {}) as Record<string, string>
    known(others, [])
    const fitting = [...stored.values()].reverse().filter(({ created, payment_intent }) => {
      const wanted = params.payment_intent === undefined || payment_intent === params.payment_intent
      return wanted && created >= Number(gte) && created < Number(lt)
    })
    const after = params.starting_after as string | undefined
    if (after !== undefined && !stored.has(after)) missing(url.slice(4, -1), after, 'starting_after')
    const start = after === undefined ? 0 : fitting.findIndex(({ id }) => id === after) + 1
    return {
      object: 'list',
      data: fitting.slice(start, start + limit),
      has_more: fitting.length > start + limit,
      url,
    }
  }

  return {
    createIntent,
    findIntent(id: string, params: Params) {
      known(params, ['expand'])
      const intent = findIntent(id)
      const expanded = Object.values(params.expand ?? {}).includes('latest_charge')
      return {
        ...intent,
        latest_charge: expanded ? (charges.get(intent.latest_charge ?? '') ?? null) : intent.latest_charge,
      }
    },
    cancelIntent,
    confirm,
    createRefund,
    failRefund,
    findRefund,
    listCharges: (params: Params) => list('/v1/charges', charges, params),
    listRefunds: (params: Params) => list('/v1/refunds', refunds, params),
    count: () => ({ payments: intents.size, refunds: refunds.size }),
    /** Charged minus refunded minor units, over all payments. */
    balance: () =>
      [...charges.values()].reduce(
        (sum, { amount_captured, amount_refunded }) => sum + amount_captured - amount_refunded,
        0,
      ),
  }
}

const newId = (prefix: string) => `${prefix}_${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`

const invalid = (message: string, param: string, code?: string) =>
  new Refusal(400, { type: 'invalid_request_error', message, param, ...(code && { code }) })

function missing(what: string, id: string, param: string): never {
  throw new Refusal(404, {
    type: 'invalid_request_error',
    code: 'resource_missing',
    doc_url: 'https://stripe.com/docs/error-codes/resource-missing',
    message: `No such ${what}: '${id}'`,
    param,
  })
}

function known(params: Params, names: string[]): void {
  const unknown = Object.keys(params).find((name) => !names.includes(name))
  if (unknown) throw invalid(`Received unknown parameter: ${unknown}`, unknown, 'parameter_unknown')
}

function text(params: Params, name: string): string {
  const value = params[name]
  if (typeof value !== 'string' || value === '')
    throw invalid(`Missing required param: ${name}.`, name, 'parameter_missing')
  return value
}

function amountOf(params: Params, currency: string): number {
  const amount = text(params, 'amount')
  if (!/^\d{1,8}$/.test(amount) || amount === '0')
    throw invalid(`Invalid integer: ${amount}`, 'amount', 'parameter_invalid_integer')
  if (THREE_DECIMALS.includes(currency) && !amount.endsWith('0'))
    throw invalid(`Invalid ${currency} amount: ${amount}`, 'amount')
  return Number(amount)
}

const metadataOf = (params: Params) => (params.metadata ?? {}) as Record<string, string>
