import type { Actor } from '../actor'
import { newId } from '../database/ids'
import type { TransactionContext } from '../deps'
import { enqueue } from '../jobs/queue'
import { findLedgerEntry, findRefundEntry, insertLedgerEntry, type LedgerEntry, updateRefundEntry } from './entry-rows'
import { findActivePayment, type PaymentChanges, type StoredPayment } from './payment-rows'
import type { ProviderRefund, RefundReason } from './provider'
import { deriveStatus, isActive } from './status'
import type { PaymentStatus } from './tables'

/** Of a request or of a job. */
export type ActorTransaction = TransactionContext<Actor>

/** The payment's money has come in. Its row must be locked, and there is no charge yet. */
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

/** Whether another payment of the appointment is in the place that this one would take with its new status. */
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
 * Takes the amount out of what can be refunded and has it given back: by a job, or at the desk at once. The payment's row
 * must be locked and have as much left.
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

/** A refund never goes back in this order; one that was accepted can still fail days later. */
const ORDER: readonly ProviderRefund['status'][] = ['pending', 'succeeded', 'failed']

/**
 * What the provider says of a refund, ours or one made in its own dashboard. The payment's row must be locked. Says
 * whether anything changed.
 */
export async function recordRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  { ref, refundId, amount, currency, status: seen }: Omit<ProviderRefund, 'paymentRef'>,
): Promise<boolean> {
  const entry = await findRefundEntry(ctx.db, payment.id, { id: refundId, providerRef: ref })
  if (!entry) {
    await insertForeignRefund(ctx, payment, { ref, amount, currency, status: seen })
    return true
  }
  // What failed before the provider had taken it on was our conclusion; its own word counts more.
  const concluded = entry.status === 'failed' && entry.providerRef === null
  const later = concluded || ORDER.indexOf(seen) > ORDER.indexOf(entry.status)
  if (!later && entry.providerRef !== null) return false
  await settleRefund(ctx, payment, entry, { status: later ? seen : entry.status, providerRef: ref, failureCode: null })
  return true
}

/** The provider will not make it: the amount can be refunded otherwise. No change unless it was waiting to be sent. */
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

type Settled = Pick<LedgerEntry, 'status' | 'providerRef'> & { failureCode: string | null }

const counted = ({ status, amount }: Pick<LedgerEntry, 'status' | 'amount'>) => (status === 'failed' ? 0 : amount)
const settledAt = (status: LedgerEntry['status'], now: Date) => (status === 'pending' ? null : now)

async function settleRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  entry: LedgerEntry,
  settled: Settled,
): Promise<void> {
  const { id, paymentId, amount } = entry
  const freed = counted(entry) - counted({ ...settled, amount })
  const status = deriveStatus({ ...payment, refundedAmount: payment.refundedAmount - freed })
  const superseded = await isSuperseded(ctx, payment, status)
  const update = { id, paymentId, settledAt: settledAt(settled.status, ctx.now), ...settled }
  await updateRefundEntry(ctx.db, update, { status, superseded })
}

async function insertForeignRefund(
  ctx: ActorTransaction,
  payment: StoredPayment,
  { ref, amount, currency, status }: Pick<ProviderRefund, 'ref' | 'amount' | 'currency' | 'status'>,
): Promise<void> {
  const refundedAmount = payment.refundedAmount + counted({ status, amount })
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
