import type { TransactionContext } from '../deps'
import { enqueue } from '../jobs/queue'
import { DESK } from './desk'
import { type ActorTransaction, orderRefund } from './entries'
import { lockPaymentsOfAppointments, type StoredPayment, updatePayment } from './payment-rows'
import type { RefundReason } from './provider'
import { type Cancellation, type CancellationTerms, refundDue } from './refund-due'
import { deriveStatus, isPaid } from './status'

type ReleaseContext = Pick<TransactionContext, 'db' | 'jobs' | 'now'>

/**
 * Releases the unpaid payments of these appointments: cancelled here at once and at the provider by a job. The
 * appointments' rows must be locked.
 */
export async function releasePayments(ctx: ReleaseContext, ...appointmentIds: string[]): Promise<void> {
  for (const payment of await lockPaymentsOfAppointments(ctx.db, appointmentIds)) await requestRelease(ctx, payment)
}

/** Returns a payment unchanged if it is paid, released already, or over at the desk. */
async function requestRelease(ctx: ReleaseContext, payment: StoredPayment): Promise<StoredPayment> {
  const over = payment.provider === DESK && (payment.status === 'cancelled' || payment.status === 'failed')
  if (isPaid(payment.status) || payment.releaseRequestedAt !== null || over) return payment
  const changes = { releaseRequestedAt: ctx.now }
  const status = deriveStatus({ ...payment, ...changes })
  if (payment.provider !== DESK) await enqueue(ctx, 'payments.release', { paymentId: payment.id })
  return updatePayment(ctx.db, payment.id, { ...changes, status })
}

type PaymentToRefund = Pick<StoredPayment, 'provider' | 'currency' | 'chargedAmount' | 'refundedAmount'>

/** The refund of this payment, in minor units, when its appointment is cancelled. */
export function refundOf(
  { paymentProviders }: Pick<TransactionContext, 'paymentProviders'>,
  payment: PaymentToRefund,
  terms: CancellationTerms,
  cancellation: Cancellation,
): number {
  const amountStep = paymentProviders.named(payment.provider)?.amountStep(payment.currency) ?? 1
  return refundDue({ ...payment, amountStep }, terms, cancellation)
}

/**
 * For an appointment that is being cancelled: releases its unpaid payments and refunds of the paid ones what is due, by
 * jobs. Its row must be locked. Returns its payments as they are afterwards, oldest first.
 */
export async function releaseOrRefundPayments(
  ctx: ActorTransaction,
  appointment: CancellationTerms & { id: string },
  { reason, ...cancellation }: Cancellation & { reason: RefundReason },
): Promise<StoredPayment[]> {
  const settled: StoredPayment[] = []
  for (const locked of await lockPaymentsOfAppointments(ctx.db, [appointment.id])) {
    const payment = await requestRelease(ctx, locked)
    const amount = refundOf(ctx, payment, appointment, cancellation)
    const order = { amount, reason, createdBy: ctx.actor === 'system' ? undefined : ctx.actor.userId }
    settled.push(amount > 0 ? await orderRefund(ctx, payment, order) : payment)
  }
  return settled
}
