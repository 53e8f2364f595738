import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { AppError, invalid, notFound } from '../errors'
import { formatInstant } from '../http/schemas'
import { DESK } from '../ledger/desk'
import { findActivePayment, lockPaymentsOfAppointments } from '../ledger/payment-rows'
import { releasePayments } from '../ledger/release'
import type { Payment } from '../ledger/schemas'
import { isPayable } from '../ledger/status'
import { findPayableAppointment, findPaymentById, insertPayment, type PaymentRow } from './queries'
import type { CreatePayment } from './schemas'
import { lockPayment, receiveMoney } from './settle'

type PresentablePayment = Omit<PaymentRow, 'patientId' | 'releaseRequestedAt' | 'attention'> &
  Partial<Pick<PaymentRow, 'attention'>>

export const presentPayment = (
  { createdAt, chargedAmount, refundedAmount, resolution, entries, ...row }: PresentablePayment,
  clientSecret?: string | null,
): Payment => ({
  id: row.id,
  appointmentId: row.appointmentId,
  amount: row.amount,
  currency: row.currency,
  method: row.method,
  provider: row.provider,
  status: row.status,
  failureCode: row.failureCode,
  refundable: chargedAmount - refundedAmount,
  resolution,
  entries: entries.map((entry) => ({ ...entry, createdAt: formatInstant(new Date(entry.createdAt)) })),
  createdAt: formatInstant(createdAt),
  ...(row.attention && { attention: row.attention }),
  ...(clientSecret && { clientSecret }),
})

/**
 * Creates the payment of an appointment at its price at booking. Throws not_found, invalid_state, nothing_to_pay,
 * payment_exists with `paymentId`, and 422 for a method that is not offered or a price that the provider cannot charge.
 */
export async function createPayment(ctx: TransactionContext, { appointmentId, method }: CreatePayment) {
  const provider = ctx.paymentProviders.forMethod(method)
  if (!provider) throw invalid('method', 'card payments are not offered; use cash or insurance')
  const appointment = await findPayableAppointment(ctx.db, ctx.actor, appointmentId)
  if (!appointment) throw notFound('appointment')
  const { patientId, priceAmount: amount, priceCurrency: currency } = appointment
  if (!isPayable(appointment, ctx.now))
    throw new AppError('invalid_state', `An appointment that is ${stateOf(appointment)} cannot be paid.`)
  if (amount === 0) throw new AppError('nothing_to_pay', 'The appointment is free of charge.')
  const step = provider.amountStep(currency)
  if (amount % step !== 0)
    throw invalid('method', `can only be used for prices that are a multiple of ${step} minor units in ${currency}`)
  await releaseFailedPayments(ctx, appointmentId)
  const payment = await insertPayment(ctx.db, {
    id: newId(),
    appointmentId,
    amount,
    currency,
    method,
    provider: provider.name,
    status: 'pending',
    createdBy: ctx.actor.userId,
    createdAt: ctx.now,
  })
  if (payment) return { payment: { ...payment, entries: [] }, patientId }
  const active = await findActivePayment(ctx.db, appointmentId)
  throw new AppError('payment_exists', 'The appointment already has an active payment.', { paymentId: active?.id })
}

/** A payer could still finish a failed payment; releasing it prevents that once another payment is created. */
async function releaseFailedPayments(ctx: TransactionContext, appointmentId: string): Promise<void> {
  const former = await lockPaymentsOfAppointments(ctx.db, [appointmentId])
  if (former.length > 0 && former.every(({ status }) => status === 'failed' || status === 'cancelled'))
    await releasePayments(ctx, appointmentId)
}

/** Throws not_found, also for a payment that the actor may not see. */
export async function getPayment({ db, actor }: Pick<Context, 'db' | 'actor'>, id: string): Promise<PaymentRow> {
  const payment = await findPaymentById(db, actor, { id })
  if (!payment) throw notFound('payment')
  return payment
}

/**
 * The desk received the money; a hold that waited for it is confirmed. Throws not_found, invalid_state unless it is a
 * pending payment of the desk, and hold_expired when the hold expired and its time is no longer free.
 */
export async function markPaymentPaid(ctx: TransactionContext, id: string): Promise<PaymentRow> {
  const locked = await lockPayment(ctx, id)
  if (!locked) throw notFound('payment')
  const { status, provider } = locked.payment
  if (provider !== DESK)
    throw new AppError('invalid_state', 'A card payment is marked as paid by its provider, not at the desk.')
  if (status !== 'pending')
    throw new AppError('invalid_state', `A payment that is ${status.replaceAll('_', ' ')} cannot be marked as paid.`)
  const { resolution } = await receiveMoney(ctx, locked, { createdBy: ctx.actor.userId, at: ctx.now })
  if (resolution === 'refunded_slot_lost')
    throw new AppError('hold_expired', 'The hold has expired, and its time can no longer be booked.')
  return getPayment(ctx, id)
}

const stateOf = ({ status }: { status: string }) =>
  status === 'held' ? 'an expired hold' : status.replaceAll('_', ' ')
