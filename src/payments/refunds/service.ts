import { auditEvent } from '../../database/audit-event'
import { appendAuditEvent } from '../../database/audit-outbox'
import { inTransaction } from '../../database/transaction'
import type { Deps, TransactionContext } from '../../deps'
import { AppError, invalid, notFound } from '../../errors'
import { type ActorTransaction, failRefund, orderRefund, recordRefund } from '../../ledger/entries'
import { findLedgerEntry } from '../../ledger/entry-rows'
import { findPaymentForUpdate, findStoredPayment } from '../../ledger/payment-rows'
import { ProviderError, type ProviderRefund } from '../../ledger/provider'
import { systemContext } from '../../system-context'
import { lockAppointmentOfPayment, type PaymentRow } from '../queries'
import { getPayment } from '../service'
import { applyProviderStatus, lockPayment } from '../settle'
import type { RefundPayment } from './schemas'

/**
 * Gives a payment back, all that is left of it unless an amount is named. Throws not_found, invalid_state when so much is
 * not left, and validation_failed for an amount that the provider cannot pay out.
 */
export async function refundPayment(
  ctx: TransactionContext,
  id: string,
  { amount, reason }: RefundPayment,
): Promise<PaymentRow> {
  const appointment = await lockAppointmentOfPayment(ctx.db, id)
  const payment = appointment && (await findPaymentForUpdate(ctx.db, id))
  if (!payment) throw notFound('payment')
  const left = payment.chargedAmount - payment.refundedAmount
  const wanted = amount ?? left
  if (left === 0) throw new AppError('invalid_state', 'There is nothing left of this payment to give back.')
  if (wanted > left) throw new AppError('invalid_state', `Of this payment no more than ${left} can be given back.`)
  const step = ctx.paymentProviders.named(payment.provider)?.amountStep(payment.currency) ?? 1
  if (wanted % step !== 0) throw invalid('amount', `must be a multiple of ${step} in ${payment.currency}`)
  const order = { amount: wanted, reason: 'other', note: reason, createdBy: ctx.actor.userId } as const
  await orderRefund(ctx, payment, order)
  return getPayment(ctx, id)
}

/**
 * Job: has a refund of the ledger made at its provider, once however often it runs. Throws while the provider does not
 * answer; one that it refuses has failed, and its amount can be refunded otherwise.
 */
export async function sendRefund(deps: Deps, refundId: string): Promise<void> {
  const ctx = systemContext(deps, 'payment-refund')
  const entry = await findLedgerEntry(ctx.db, refundId)
  if (entry?.kind !== 'refund' || entry.status !== 'pending') return
  const { paymentId, amount, currency, reason } = entry
  const payment = await findStoredPayment(ctx.db, paymentId)
  const provider = payment && ctx.paymentProviders.named(payment.provider)
  if (!payment?.providerRef || !provider) throw new Error('a refund cannot be sent: its provider is not configured')
  const request = { ref: payment.providerRef, refundId, amount, currency, idempotencyKey: refundId }
  try {
    const refund = entry.providerRef
      ? await provider.getRefund(entry.providerRef)
      : await provider.refund({ ...request, reason: reason ?? 'other' })
    await inTransaction(ctx, (ctx) => applyRefund(ctx, paymentId, refund))
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind === 'unavailable') throw error
    ctx.log.error({ refundId, paymentId, code: error.code }, 'a refund was refused by its provider')
    await inTransaction(ctx, (ctx) => giveUp(ctx, { paymentId, refundId, code: error.code ?? error.kind }))
  }
}

/** What the provider says of a refund, at that time. It says too that its payment had succeeded, told or not. */
export async function applyProviderRefund(
  ctx: ActorTransaction,
  paymentId: string,
  refund: ProviderRefund,
  at: Date,
): Promise<void> {
  const payment = await findStoredPayment(ctx.db, paymentId)
  const locked = payment?.chargedAmount === 0 && (await lockPayment(ctx, paymentId))
  if (locked) {
    const { amount, currency } = locked.payment
    const paid = { ref: refund.paymentRef, status: 'succeeded', failureCode: null, amount, currency } as const
    await applyProviderStatus(ctx, locked, { ...paid, at })
  }
  await applyRefund(ctx, paymentId, refund)
}

/** The provider's word on a refund of a payment that has come in. */
async function applyRefund(ctx: ActorTransaction, paymentId: string, refund: ProviderRefund): Promise<void> {
  const appointment = await lockAppointmentOfPayment(ctx.db, paymentId)
  const payment = appointment && (await findPaymentForUpdate(ctx.db, paymentId))
  if (!payment) return
  if (!(await recordRefund(ctx, payment, refund))) return
  await audit(ctx, { targetId: paymentId, patientId: appointment.patientId, refund: refund.status })
}

async function giveUp(
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
