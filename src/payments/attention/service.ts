import type { TransactionContext } from '../../deps'
import { notFound } from '../../errors'
import { findPaymentForUpdate } from '../../ledger/payment-rows'
import { lockAppointmentOfPayment, type PaymentRow } from '../queries'
import { getPayment } from '../service'
import { clearParkedEvents, clearRefusedRefunds } from './queries'

/**
 * An admin has dealt with the refused refunds and the parked events of a payment. What the sweeper still tries to send stays.
 * Returns the payment afterwards, and why it needed attention before. Throws not_found.
 */
export async function clearAttention(
  ctx: TransactionContext,
  id: string,
): Promise<{ payment: PaymentRow; before: string[] }> {
  const appointment = await lockAppointmentOfPayment(ctx.db, id)
  const stored = appointment && (await findPaymentForUpdate(ctx.db, id))
  if (!stored) throw notFound('payment')
  const { attention: before } = await getPayment(ctx, id)
  await clearRefusedRefunds(ctx.db, id, ctx.now)
  await clearParkedEvents(ctx.db, stored)
  return { payment: await getPayment(ctx, id), before: before ?? [] }
}
