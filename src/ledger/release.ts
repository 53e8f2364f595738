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
 * Nobody is to pay for these appointments any more: what is not paid is cancelled, here at once and at the provider by a
 * job. Their rows must be locked.
 */
export async function releasePayments(ctx: ReleaseContext, ...appointmentIds: string[]): Promise<void> {
  for (const payment of await lockPaymentsOfAppointments(ctx.db, appointmentIds)) await release(ctx, payment)
}

async function release(ctx: ReleaseContext, payment: StoredPayment): Promise<StoredPayment> {
  const over = payment.provider === DESK && (payment.status === 'cancelled' || payment.status === 'failed')
  if (isPaid(payment.status) || payment.releaseRequestedAt !== null || over) return payment
  const changes = { releaseRequestedAt: ctx.now }
  const status = deriveStatus({ ...payment, ...changes })
  if (payment.provider !== DESK) await enqueue(ctx, 'payments.release', { paymentId: payment.id })
  return updatePayment(ctx.db, payment.id, { ...changes, status })
}

/**
 * The appointment is cancelled: what is not paid is released, and of what is paid the share goes back by a job. Its row
 * must be locked. Gives the payments as they are then, the oldest first.
 */
export async function releaseOrRefundPayments(
  ctx: ActorTransaction,
  appointmentId: string,
  { share, reason }: { share: number; reason: RefundReason },
): Promise<StoredPayment[]> {
  const settled: StoredPayment[] = []
  for (const locked of await lockPaymentsOfAppointments(ctx.db, [appointmentId])) {
    const payment = await release(ctx, locked)
    const step = ctx.paymentProviders.named(payment.provider)?.amountStep(payment.currency) ?? 1
    const amount = refundDue(payment, share, step)
    const order = { amount, reason, createdBy: ctx.actor === 'system' ? undefined : ctx.actor.userId }
    settled.push(amount > 0 ? await orderRefund(ctx, payment, order) : payment)
  }
  return settled
}
