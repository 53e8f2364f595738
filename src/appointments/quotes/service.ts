import type { Context } from '../../deps'
import { policyShare } from '../../ledger/refund-due'
import { refundOf } from '../../ledger/release'
import { cancellationBy } from '../cancel'
import type { CancellationQuote } from '../schemas'
import { mayBecome } from '../status'
import type { findAppointmentToQuote } from './queries'

type QuotedAppointment = NonNullable<Awaited<ReturnType<typeof findAppointmentToQuote>>>

/** Whether the caller could cancel now, and what would be refunded. Changes nothing. */
export function quoteCancellation(
  ctx: Pick<Context, 'actor' | 'now' | 'paymentProviders'>,
  appointment: QuotedAppointment,
): CancellationQuote {
  const { payments, priceCurrency: currency } = appointment
  const allowed = mayBecome(appointment, 'cancelled', ctx.now)
  const cancellation = cancellationBy(ctx, appointment)
  const refunds = payments.map((payment) => refundOf(ctx, payment, appointment, cancellation))
  const money = (amount: number) => ({ amount, currency })
  return {
    allowed,
    refund: money(allowed ? sum(refunds) : 0),
    policyShare: money(allowed ? policyShare(appointment, cancellation) : 0),
    alreadyRefunded: money(sum(payments.map(({ refundedAmount }) => refundedAmount))),
    policy: {
      freeUntilMinutes: appointment.cancellationFreeUntilMinutes,
      lateRefundPercent: appointment.cancellationLateRefundPercent,
    },
  }
}

const sum = (amounts: number[]) => amounts.reduce((total, amount) => total + amount, 0)
