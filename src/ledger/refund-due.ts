/** The terms of an appointment that decide what a cancellation refunds. */
export type CancellationTerms = { priceAmount: number; freeUntil: Date; cancellationLateRefundPercent: number }

/** `clinic` also when a patient cancels a visit that the clinic cannot keep: only the patient's own reasons cost a fee. */
export type Cancellation = { by: 'patient' | 'clinic'; at: Date }

const isFree = ({ freeUntil }: Pick<CancellationTerms, 'freeUntil'>, at: Date) => at <= freeUntil

/** The end of free cancellation of a visit at this start. */
export const freeUntilOf = (
  startsAt: Date,
  { cancellationFreeUntilMinutes }: { cancellationFreeUntilMinutes: number },
) => new Date(startsAt.getTime() - cancellationFreeUntilMinutes * 60_000)

/** The end of free cancellation after a move: a patient who moves a visit too late to cancel it freely gains no new one. */
export const freeUntilAfterMove = (
  appointment: { freeUntil: Date; cancellationFreeUntilMinutes: number },
  { by, at, startsAt }: Cancellation & { startsAt: Date },
): Date => (by === 'clinic' || isFree(appointment, at) ? freeUntilOf(startsAt, appointment) : appointment.freeUntil)

/**
 * The share of the price, in minor units, that the terms leave to the patient: the whole price if the clinic cancels or the
 * patient is in time, else the late share, rounded down.
 */
export function policyShare(terms: CancellationTerms, { by, at }: Cancellation): number {
  if (by === 'clinic' || isFree(terms, at)) return terms.priceAmount
  return Math.floor((terms.priceAmount * terms.cancellationLateRefundPercent) / 100)
}

/** What decides the refund of one payment; `amountStep` is its provider's for its currency. */
export type RefundablePayment = { chargedAmount: number; refundedAmount: number; amountStep: number }

/**
 * The refund of one payment, in minor units, when its appointment is cancelled; it decides quotes and refunds alike. The
 * policy's share of the price, limited to the amount charged, minus earlier refunds; a partial refund is rounded down to a
 * multiple of the provider's step.
 */
export function refundDue(
  { chargedAmount, refundedAmount, amountStep }: RefundablePayment,
  terms: CancellationTerms,
  cancellation: Cancellation,
): number {
  const share = policyShare(terms, cancellation)
  const due = Math.max(0, Math.min(share, chargedAmount) - refundedAmount)
  return share >= chargedAmount ? due : due - (due % amountStep)
}
