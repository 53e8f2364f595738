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

type Presentable = Omit<PaymentRow, 'patientId' | 'releaseRequestedAt'>

export const presentPayment = (
  { createdAt, chargedAmount, refundedAmount, resolution, entries, ...row }: Presentable,
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
  ...(clientSecret && { clientSecret }),
})

/**
 * Begins the payment of an appointment at its booked price. Throws not_found, invalid_state, nothing_to_pay,
 * payment_exists with `paymentId`, and 422 for a method nobody here takes or an amount that the provider cannot take.
 */
export async function createPayment(ctx: TransactionContext, { appointmentId, method }: CreatePayment) {
  const provider = ctx.paymentProviders.forMethod(method)
  if (!provider) throw invalid('method', 'cards are not taken here; use cash or insurance')
  const appointment = await findPayableAppointment(ctx.db, ctx.actor, appointmentId)
  if (!appointment) throw notFound('appointment')
  const { patientId, priceAmount: amount, priceCurrency: currency } = appointment
  if (!isPayable(appointment, ctx.now))
    throw new AppError('invalid_state', `A payment cannot be made for an appointment that is ${stateOf(appointment)}.`)
  if (amount === 0) throw new AppError('nothing_to_pay', 'The appointment is free.')
  const step = provider.amountStep(currency)
  if (amount % step !== 0)
    throw invalid('method', `cannot be used for prices that are no multiple of ${step} in ${currency}`)
  await giveUpFailed(ctx, appointmentId)
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
  throw new AppError('payment_exists', 'The appointment has a payment already.', { paymentId: active?.id })
}

/** A payer might still finish a payment whose last try failed: not once another is begun. */
async function giveUpFailed(ctx: TransactionContext, appointmentId: string): Promise<void> {
  const former = await lockPaymentsOfAppointments(ctx.db, [appointmentId])
  if (former.length > 0 && former.every(({ status }) => status === 'failed' || status === 'cancelled'))
    await releasePayments(ctx, appointmentId)
}

/** Throws not_found, also for somebody else's. */
export async function getPayment({ db, actor }: Pick<Context, 'db' | 'actor'>, id: string): Promise<PaymentRow> {
  const payment = await findPaymentById(db, actor, { id })
  if (!payment) throw notFound('payment')
  return payment
}

/**
 * The desk took the money; a hold that waited for it is booked. Throws not_found, invalid_state unless the payment waits
 * at the desk, and hold_expired when its time is somebody else's by now.
 */
export async function markPaymentPaid(ctx: TransactionContext, id: string): Promise<PaymentRow> {
  const locked = await lockPayment(ctx, id)
  if (!locked) throw notFound('payment')
  const { status, provider } = locked.payment
  if (provider !== DESK)
    throw new AppError('invalid_state', 'This payment is settled by its provider, not at the desk.')
  if (status !== 'pending')
    throw new AppError('invalid_state', `A payment that is ${status.replaceAll('_', ' ')} cannot be marked as paid.`)
  const { resolution } = await receiveMoney(ctx, locked, { createdBy: ctx.actor.userId, at: ctx.now })
  if (resolution === 'refunded_slot_lost')
    throw new AppError('hold_expired', 'The hold has lapsed, and its time cannot be booked any more.')
  return getPayment(ctx, id)
}

const stateOf = ({ status }: { status: string }) => (status === 'held' ? 'a lapsed hold' : status.replaceAll('_', ' '))
