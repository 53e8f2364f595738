import { auditEvent } from '../../database/audit-event'
import { appendAuditEvent } from '../../database/audit-outbox'
import { inTransaction } from '../../database/transaction'
import type { Context, Deps, TransactionContext } from '../../deps'
import { AppError, invalid, notFound } from '../../errors'
import { type ActorTransaction, failRefund, orderRefund, recordRefund } from '../../ledger/entries'
import { findLedgerEntry, type LedgerEntry } from '../../ledger/entry-rows'
import { findPaymentForUpdate, findStoredPayment } from '../../ledger/payment-rows'
import { ProviderError, type ProviderRefund } from '../../ledger/provider'
import { systemContext } from '../../system-context'
import { lockAppointmentOfPayment, type PaymentRow } from '../queries'
import { isDue, isOutage, postponeRefund } from '../retries'
import { getPayment } from '../service'
import { applyProviderStatus, lockPayment } from '../settle'
import type { RefundPayment } from './schemas'

/**
 * Refunds `amount` (minor units), by default all that is refundable. Throws not_found, invalid_state above the refundable
 * amount, and validation_failed for an amount that the provider cannot refund.
 */
export async function refundPayment(
  ctx: TransactionContext,
  id: string,
  { amount, reason }: RefundPayment,
): Promise<PaymentRow> {
  const appointment = await lockAppointmentOfPayment(ctx.db, id)
  const payment = appointment && (await findPaymentForUpdate(ctx.db, id))
  if (!payment) throw notFound('payment')
  const refundable = payment.chargedAmount - payment.refundedAmount
  const refund = amount ?? refundable
  if (refundable === 0) throw new AppError('invalid_state', 'This payment has nothing left to refund.')
  if (refund > refundable)
    throw new AppError('invalid_state', `At most ${refundable} minor units of this payment can be refunded.`)
  const step = ctx.paymentProviders.named(payment.provider)?.amountStep(payment.currency) ?? 1
  if (refund % step !== 0) throw invalid('amount', `must be a multiple of ${step} minor units in ${payment.currency}`)
  const order = { amount: refund, reason: 'other', note: reason, createdBy: ctx.actor.userId } as const
  await orderRefund(ctx, payment, order)
  return getPayment(ctx, id)
}

/**
 * Job: makes a refund of the ledger at its provider, once however often the job runs. Throws when the provider does not
 * answer. A refused refund fails, and its amount is refundable again. After any other failure the sweeper tries again after
 * growing pauses.
 */
export async function sendRefund(deps: Deps, refundId: string): Promise<void> {
  const ctx = systemContext(deps, 'payment-refund')
  const entry = await findLedgerEntry(ctx.db, refundId)
  if (entry?.kind !== 'refund' || entry.status !== 'pending' || !isDue(entry.retryAt, ctx.now)) return
  try {
    await makeRefund(ctx, entry)
  } catch (error) {
    if (isOutage(error)) throw error
    await postponeRefund(ctx, entry, error)
  }
}

async function makeRefund(ctx: Context<'system'>, entry: LedgerEntry): Promise<void> {
  const { id: refundId, paymentId, amount, currency, reason } = entry
  const payment = await findStoredPayment(ctx.db, paymentId)
  const provider = payment && ctx.paymentProviders.named(payment.provider)
  if (!payment?.providerRef || !provider) throw new Error('a refund cannot be sent: its provider is not configured')
  const request = { ref: payment.providerRef, refundId, amount, currency, idempotencyKey: refundId }
  try {
    const refund = entry.providerRef
      ? await provider.getRefund(entry.providerRef)
      : await provider.refund({ ...request, reason: reason ?? 'other' })
    await inTransaction(ctx, (ctx) => recordProviderRefund(ctx, paymentId, refund))
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind === 'unavailable') throw error
    ctx.log.error({ refundId, paymentId, code: error.code }, 'a provider refused a refund')
    await inTransaction(ctx, (ctx) => markRefundFailed(ctx, { paymentId, refundId, code: error.code ?? error.kind }))
  }
}

/**
 * Applies a refund that the provider reported at `at`. It implies that the payment succeeded, so that is applied first.
 * Returns false for a refund in another currency than the payment's, which changes nothing.
 */
export async function applyProviderRefund(
  ctx: ActorTransaction,
  paymentId: string,
  refund: ProviderRefund,
  at: Date,
): Promise<boolean> {
  const payment = await findStoredPayment(ctx.db, paymentId)
  if (payment && payment.currency !== refund.currency) {
    ctx.log.error({ paymentId }, 'a provider reported a refund in another currency than the payment has')
    return false
  }
  const locked = payment?.chargedAmount === 0 && (await lockPayment(ctx, paymentId))
  if (locked) {
    const { amount, currency } = locked.payment
    const paid = { ref: refund.paymentRef, status: 'succeeded', failureCode: null, amount, currency } as const
    await applyProviderStatus(ctx, locked, { ...paid, at })
  }
  await recordProviderRefund(ctx, paymentId, refund)
  return true
}

async function recordProviderRefund(ctx: ActorTransaction, paymentId: string, refund: ProviderRefund): Promise<void> {
  const appointment = await lockAppointmentOfPayment(ctx.db, paymentId)
  const payment = appointment && (await findPaymentForUpdate(ctx.db, paymentId))
  if (!payment) return
  if (!(await recordRefund(ctx, payment, refund))) return
  await audit(ctx, { targetId: paymentId, patientId: appointment.patientId, refund: refund.status })
}

async function markRefundFailed(
  ctx: ActorTransaction,
  { paymentId, refundId, code }: { paymentId: string; refundId: string; code: string },
): Promise<void> {
  const appointment = await lockAppointmentOfPayment(ctx.db, paymentId)
  const payment = appointment && (await findPaymentForUpdate(ctx.db, paymentId))
  if (payment && (await failRefund(ctx, payment, refundId, code)))
    await audit(ctx, { targetId: paymentId, patientId: appointment.patientId, refund: 'failed' })
}

async function audit(
  ctx: ActorTransaction,
  { targetId, patientId, refund }: { targetId: string; patientId: string; refund: string },
): Promise<void> {
  const kind = { kind: 'payment.settle_refund', action: 'U' } as const
  await appendAuditEvent(ctx.db, auditEvent(ctx, kind, { targetId, patientIds: [patientId], detail: { refund } }))
}
