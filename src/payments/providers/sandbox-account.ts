import type { Clock } from '../../actor'
import {
  type CreatePaymentRequest,
  type ProviderEntry,
  ProviderError,
  type ProviderErrorKind,
  type ProviderPayment,
  type ProviderPaymentDetails,
  type ProviderRefund,
  type RefundRequest,
} from '../../ledger/provider'
import { SANDBOX, type SandboxEvent } from './sandbox-webhooks'

/** What the payer, or their bank, does with a payment. */
export type SandboxOutcome = 'succeed' | 'fail' | 'require_action' | 'process'

const STATUS = {
  succeed: 'succeeded',
  fail: 'failed',
  require_action: 'requires_action',
  process: 'processing',
} as const

type Dated<T> = { shown: T; at: Date | null }

/**
 * The sandbox's payments and refunds, in memory only, without network, keys or timers. After a restart, a payment is
 * rebuilt from its ref, and `recall` sets what would have happened to it meanwhile.
 */
export function createSandboxAccount(
  clock: Clock,
  emit: (event: SandboxEvent) => void,
  recall: (payment: ProviderPayment) => void,
) {
  /** `at`: when it was paid. */
  const payments = new Map<string, Dated<ProviderPayment>>()
  /** `at`: when it was made. */
  const refunds = new Map<string, Dated<ProviderRefund>>()

  function findPayment(ref: string): Dated<ProviderPayment> {
    const found = payments.get(ref)
    if (found) return found
    const forgotten = readPaymentRef(ref)
    if (!forgotten) throw notKnown()
    const payment = { shown: forgotten, at: null }
    payments.set(ref, payment)
    recall(forgotten)
    return payment
  }

  function findRefund(ref: string): ProviderRefund {
    const shown = refunds.get(ref)?.shown ?? readRefundRef(ref)
    if (!shown) throw notKnown()
    return shown
  }

  function change(payment: Dated<ProviderPayment>, status: ProviderPayment['status'], failureCode: string | null) {
    payment.shown = { ...payment.shown, status, failureCode }
    if (status === 'succeeded') payment.at = clock()
    emit({ id: newRef('evt'), name: `payment.${status}`, payment: payment.shown })
  }

  const refundsOf = (ref: string) =>
    [...refunds.values()].flatMap(({ shown }) => (shown.paymentRef === ref ? [shown] : []))
  const refundedOf = (ref: string) => refundsOf(ref).reduce((sum, { amount }) => sum + amount, 0)

  const show = (payment: ProviderPayment): ProviderPaymentDetails => ({
    ...payment,
    refunded: refundedOf(payment.ref),
    clientSecret: `${payment.ref}_secret`,
  })

  return {
    createPayment({ paymentId, amount, currency }: Omit<CreatePaymentRequest, 'idempotencyKey'>) {
      if (!isAmount(amount)) throw sandboxError('rejected', 'the amount cannot be charged', 'amount_step')
      const ref = paymentRef({ paymentId, amount, currency })
      const shown = { ref, paymentId, amount, currency, status: 'pending' as const, failureCode: null }
      payments.set(ref, { shown, at: null })
      return show(shown)
    },

    getPayment: (ref: string) => show(findPayment(ref).shown),

    /** False when the payment can no longer change. */
    pay(ref: string, outcome: SandboxOutcome): boolean {
      const payment = findPayment(ref)
      if (payment.shown.status === 'succeeded' || payment.shown.status === 'cancelled') return false
      change(payment, STATUS[outcome], outcome === 'fail' ? 'card_declined' : null)
      return true
    },

    cancelPayment(ref: string) {
      const payment = findPayment(ref)
      if (['pending', 'requires_action', 'failed'].includes(payment.shown.status)) change(payment, 'cancelled', null)
      return payment.shown.status
    },

    refund({ ref, refundId, amount, currency }: Omit<RefundRequest, 'idempotencyKey'>): ProviderRefund {
      const payment = findPayment(ref).shown
      const existing = refundsOf(ref).find((one) => one.refundId === refundId)
      if (existing && existing.amount !== amount)
        throw sandboxError('rejected', 'a refund with this id has another amount', 'refund_id_reused')
      if (existing) return existing
      const left = payment.status === 'succeeded' ? payment.amount - refundedOf(ref) : 0
      if (!isAmount(amount) || amount > left || currency !== payment.currency)
        throw sandboxError('rejected', 'the amount is more than can be refunded', 'amount_too_large')
      const shown = {
        ref: refundRef({ paymentRef: ref, refundId, amount }),
        paymentRef: ref,
        refundId,
        amount,
        currency,
        status: 'succeeded' as const,
      }
      refunds.set(shown.ref, { shown, at: clock() })
      emit({ id: newRef('evt'), name: 'refund.succeeded', refund: shown })
      return shown
    },

    getRefund: findRefund,

    /** Charges and refunds made by this process in `from <= t < until`. */
    listEntries({ from, until }: { from: Date; until: Date }): ProviderEntry[] {
      const charges = [...payments.values()].map(({ shown, at }) => {
        const { ref, paymentId, amount, currency } = shown
        return { kind: 'charge' as const, ref, paymentRef: ref, paymentId, refundId: null, amount, currency, at }
      })
      const returned = [...refunds.values()].map(({ shown, at }) => {
        const { ref, paymentRef, refundId, amount, currency } = shown
        return { kind: 'refund' as const, ref, paymentRef, paymentId: null, refundId, amount, currency, at }
      })
      return [...charges, ...returned].flatMap(({ at, ...entry }) =>
        at && at >= from && at < until ? [{ ...entry, status: 'succeeded' as const, createdAt: at }] : [],
      )
    },

    count: () => ({ payments: payments.size, refunds: refunds.size }),
  }
}

export const sandboxError = (kind: ProviderErrorKind, detail: string, code: string | null = null) =>
  new ProviderError(kind, SANDBOX, detail, code)

const isAmount = (amount: number) => Number.isSafeInteger(amount) && amount > 0

const notKnown = () => sandboxError('rejected', 'there is no payment or refund with this id', 'resource_missing')

/** Random, not counted: the ids are stored in a database that outlives the sandbox. */
const newRef = (prefix: string) => `${prefix}_${crypto.randomUUID()}`

type PaymentRefParts = Pick<ProviderPayment, 'amount' | 'currency'> & { paymentId: string }

/** `pay-<our id>-<amount>-<currency>-<random>`: enough to rebuild the payment, except its status. */
const paymentRef = ({ paymentId, amount, currency }: PaymentRefParts) =>
  `pay-${paymentId}-${amount}-${currency}-${crypto.randomUUID().slice(0, 8)}`

const PAYMENT_REF = /^pay-(.+)-(\d{1,16})-([A-Z]{3})-[0-9a-f]{8}$/

function readPaymentRef(ref: string): ProviderPayment | undefined {
  const [, paymentId, amount, currency] = PAYMENT_REF.exec(ref) ?? []
  if (paymentId === undefined || currency === undefined) return undefined
  return { ref, paymentId, amount: Number(amount), currency, status: 'pending', failureCode: null }
}

/** `ref-<our id>-<amount>-of-<payment's ref>` */
const refundRef = ({ paymentRef, refundId, amount }: { paymentRef: string; refundId: string; amount: number }) =>
  `ref-${refundId}-${amount}-of-${paymentRef}`

function readRefundRef(ref: string): ProviderRefund | undefined {
  const [, refundId, amount, of = ''] = /^ref-(.+)-(\d{1,16})-of-(pay-.+)$/.exec(ref) ?? []
  const payment = readPaymentRef(of)
  if (refundId === undefined || !payment) return undefined
  const { currency } = payment
  return { ref, paymentRef: of, refundId, amount: Number(amount), currency, status: 'succeeded' }
}
