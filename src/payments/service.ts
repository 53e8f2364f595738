import { newId } from '../database/ids'
import type { Context, TransactionContext } from '../deps'
import { AppError, invalid, notFound } from '../errors'
import { formatInstant } from '../http/schemas'
import {
  findAppointmentForUpdate,
  findPaymentById,
  findPaymentForUpdate,
  getActivePayment,
  insertPayment,
  lockAppointmentOfPayment,
  updatePaymentStatus,
} from './queries'
import type { CreatePayment, Payment } from './schemas'
import { canBecome, isPayable } from './status'
import type { PaymentsTable } from './tables'

/** Taken by the clinic's own staff: marked as paid by hand. */
const DESK = 'desk'

type PaymentRow = Omit<PaymentsTable, 'createdBy' | 'paidAt' | 'createdAt'> & { createdAt: Date }

export const presentPayment = ({
  id,
  appointmentId,
  amount,
  currency,
  method,
  provider,
  status,
  createdAt,
}: PaymentRow): Payment => ({
  id,
  appointmentId,
  amount,
  currency,
  method,
  provider,
  status,
  createdAt: formatInstant(createdAt),
})

/**
 * Begins the payment of an appointment at its booked price. Throws not_found, invalid_state, nothing_to_pay,
 * payment_exists with `paymentId`, and 422 for a method nobody here takes.
 */
export async function createPayment(ctx: TransactionContext, { appointmentId, method }: CreatePayment) {
  const provider = providerOf(method)
  const appointment = await findAppointmentForUpdate(ctx.db, ctx.actor, appointmentId)
  if (!appointment) throw notFound('appointment')
  const { patientId, priceAmount: amount, priceCurrency: currency } = appointment
  if (!isPayable(appointment, ctx.now))
    throw new AppError('invalid_state', `A payment cannot be made for an appointment that is ${stateOf(appointment)}.`)
  if (amount === 0) throw new AppError('nothing_to_pay', 'The appointment is free.')
  const payment = await insertPayment(ctx.db, {
    id: newId(),
    appointmentId,
    amount,
    currency,
    method,
    provider,
    status: 'pending',
    createdBy: ctx.actor.userId,
    paidAt: null,
    createdAt: ctx.now,
  })
  if (payment) return { payment, patientId }
  const { id: paymentId } = await getActivePayment(ctx.db, appointmentId)
  throw new AppError('payment_exists', 'The appointment has a payment already.', { paymentId })
}

/** Throws not_found, also for somebody else's. */
export async function getPayment(ctx: Pick<Context, 'db' | 'actor'>, id: string) {
  const payment = await findPaymentById(ctx.db, ctx.actor, id)
  if (!payment) throw notFound('payment')
  return payment
}

/** The desk took the money. Throws not_found, and invalid_state unless the payment waits at the desk. */
export async function markPaymentPaid(ctx: TransactionContext, id: string) {
  const appointment = await lockAppointmentOfPayment(ctx.db, id)
  if (!appointment) throw notFound('payment')
  const { status, provider } = await findPaymentForUpdate(ctx.db, id)
  if (provider !== DESK)
    throw new AppError('invalid_state', 'This payment is settled by its provider, not at the desk.')
  if (!canBecome(status, 'succeeded'))
    throw new AppError('invalid_state', `A payment that is ${status.replaceAll('_', ' ')} cannot be marked as paid.`)
  const payment = await updatePaymentStatus(ctx.db, id, { status: 'succeeded', paidAt: ctx.now })
  return { payment, patientId: appointment.patientId }
}

function providerOf(method: CreatePayment['method']): string {
  if (method === 'card') throw invalid('method', 'cards are not taken here; use cash or insurance')
  return DESK
}

const stateOf = ({ status }: { status: string }) => (status === 'held' ? 'a lapsed hold' : status.replaceAll('_', ' '))
