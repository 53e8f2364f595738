import type { Actor } from '../actor'
import { newId } from '../database/ids'
import type { TransactionContext } from '../deps'
import { enqueue } from '../jobs/queue'
import { findLedgerEntry, findRefundEntry, insertLedgerEntry, type LedgerEntry, updateRefundEntry } from './entry-rows'
import { findActivePayment, type PaymentChanges, type StoredPayment } from './payment-rows'
import type { ProviderRefund, RefundReason } from './provider'
import { deriveStatus, isActive } from './status'
import type { PaymentStatus } from './tables'

/** The transaction of a request or of a job. */
export type ActorTransaction = TransactionContext<Actor>

/** Records that the payment's money has been received. Its row must be locked and have no charge yet. */
export async function recordCharge(
  ctx: ActorTransaction,
  payment: StoredPayment,
  { createdBy, at, ...changes }: PaymentChanges & { createdBy: string | null; at: Date },
): Promise<StoredPayment> {
  const facts = { ...payment, ...changes, chargedAmount: payment.amount }
  const status = deriveStatus(facts)
  const charged = { ...facts, status, superseded: await isSuperseded(ctx, payment, status) }
  await insertLedgerEntry(
    ctx.db,
    {
      id: newId(),
      paymentId: payment.id,
      kind: 'charge',
      amount: payment.amount,
      currency: payment.currency,
      status: 'succeeded',
      provider: payment.provider,
      providerRef: charged.providerRef,
      createdBy,
      createdAt: ctx.now,
      settledAt: at,
    },
    { ...changes, paidAt: at, status, superseded: charged.superseded },
  )
  return charged
}

/** Whether the appointment already has another active payment, now that this one would become active. */
export async function isSuperseded(
  { db }: Pick<ActorTransaction, 'db'>,
  payment: StoredPayment,
  status: PaymentStatus,
): Promise<boolean> {
  if (payment.superseded || isActive(payment.status) || !isActive(status)) return payment.superseded
  return (await findActivePayment(db, payment.appointmentId)) !== undefined
}

export type RefundOrder = {
  amount: number
  reason: RefundReason
  note?: string
  createdBy?: string
}

/**
 * Records a refund and takes its amount out of the refundable rest: pending until a job has sent it, or succeeded at once
 * at the desk. The payment's row must be locked and have that much left.
 */
export async function orderRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  { amount, reason, note, createdBy }: RefundOrder,
): Promise<StoredPayment> {
  const online = ctx.paymentProviders.named(payment.provider)?.online ?? true
  const refunded = { ...payment, refundedAmount: payment.refundedAmount + amount }
  const id = newId()
  await insertLedgerEntry(
    ctx.db,
    {
      id,
      paymentId: payment.id,
      kind: 'refund',
      amount,
      currency: payment.currency,
      status: online ? 'pending' : 'succeeded',
      provider: payment.provider,
      reason,
      note: note ?? null,
      createdBy: createdBy ?? null,
      createdAt: ctx.now,
      settledAt: online ? null : ctx.now,
    },
    { status: deriveStatus(refunded) },
  )
  if (online) await enqueue(ctx, 'payments.refund', { refundId: id })
  return { ...refunded, status: deriveStatus(refunded) }
}

/** A refund only moves forward in this order; an accepted refund can still fail days later. */
const ORDER: readonly ProviderRefund['status'][] = ['pending', 'succeeded', 'failed']

/**
 * Applies what the provider reports about a refund, ours or one made in its own dashboard. The payment's row must be
 * locked. Returns whether anything changed.
 */
export async function recordRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  { ref, refundId, amount, currency, status: reported }: Omit<ProviderRefund, 'paymentRef'>,
): Promise<boolean> {
  const entry = await findRefundEntry(ctx.db, payment.id, { id: refundId, providerRef: ref })
  if (!entry) {
    await insertForeignRefund(ctx, payment, { ref, amount, currency, status: reported })
    return true
  }
  // A failure without a provider ref was our own conclusion; the provider's report overrides it.
  const concluded = entry.status === 'failed' && entry.providerRef === null
  const later = concluded || ORDER.indexOf(reported) > ORDER.indexOf(entry.status)
  if (!later && entry.providerRef !== null) return false
  await settleRefund(ctx, payment, entry, {
    status: later ? reported : entry.status,
    providerRef: ref,
    failureCode: null,
  })
  return true
}

/** The provider refused the refund, so its amount is refundable again. Changes nothing unless it was waiting to be sent. */
export async function failRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  refundId: string,
  failureCode: string,
): Promise<boolean> {
  const entry = await findLedgerEntry(ctx.db, refundId)
  if (entry?.status !== 'pending' || entry.providerRef !== null) return false
  await settleRefund(ctx, payment, entry, { status: 'failed', providerRef: null, failureCode })
  return true
}

type RefundOutcome = Pick<LedgerEntry, 'status' | 'providerRef'> & { failureCode: string | null }

const countedAmount = ({ status, amount }: Pick<LedgerEntry, 'status' | 'amount'>) => (status === 'failed' ? 0 : amount)
const settledAt = (status: LedgerEntry['status'], now: Date) => (status === 'pending' ? null : now)

async function settleRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  entry: LedgerEntry,
  outcome: RefundOutcome,
): Promise<void> {
  const { id, paymentId, amount } = entry
  const freed = countedAmount(entry) - countedAmount({ ...outcome, amount })
  const status = deriveStatus({ ...payment, refundedAmount: payment.refundedAmount - freed })
  const superseded = await isSuperseded(ctx, payment, status)
  const update = { id, paymentId, settledAt: settledAt(outcome.status, ctx.now), ...outcome }
  await updateRefundEntry(ctx.db, update, { status, superseded })
}

async function insertForeignRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  { ref, amount, currency, status }: Pick<ProviderRefund, 'ref' | 'amount' | 'currency' | 'status'>,
): Promise<void> {
  const refundedAmount = payment.refundedAmount + countedAmount({ status, amount })
  await insertLedgerEntry(
    ctx.db,
    {
      id: newId(),
      paymentId: payment.id,
      kind: 'refund',
      amount,
      currency,
      status,
      provider: payment.provider,
      providerRef: ref,
      reason: 'other',
      createdAt: ctx.now,
      settledAt: settledAt(status, ctx.now),
    },
    { status: deriveStatus({ ...payment, refundedAmount }) },
  )
}
