import type { TransactionContext } from '../deps'
import { enqueue } from '../jobs/queue'
import { DESK } from './desk'
import { type ActorTransaction, orderRefund } from './entries'
import { lockPaymentsOfAppointments, type StoredPayment, updatePayment } from './payment-rows'
import type { RefundReason } from './provider'
import { refundDue } from './refund-share'
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

/**
 * For a cancelled appointment: releases unpaid payments and refunds `share` (minor units) of paid ones, by jobs. The
 * appointment's row must be locked. Returns its payments as they are afterwards, oldest first.
 */
export async function releaseOrRefundPayments(
  ctx: ActorTransaction,
  appointmentId: string,
  { share, reason }: { share: number; reason: RefundReason },
): Promise<StoredPayment[]> {
  const settled: StoredPayment[] = []
  for (const locked of await lockPaymentsOfAppointments(ctx.db, [appointmentId])) {
    const payment = await requestRelease(ctx, locked)
    const step = ctx.paymentProviders.named(payment.provider)?.amountStep(payment.currency) ?? 1
    const amount = refundDue(payment, share, step)
    const order = { amount, reason, createdBy: ctx.actor === 'system' ? undefined : ctx.actor.userId }
    settled.push(amount > 0 ? await orderRefund(ctx, payment, order) : payment)
  }
  return settled
}
