import type { Role } from '../actor'
import { MINUTE } from '../scheduling/local-time'

type CancellationTerms = {
  startsAt: Date
  priceAmount: number
  cancellationFreeUntilMinutes: number
  cancellationLateRefundPercent: number
}

/**
 * The refund in minor units when a paid appointment is cancelled: the whole price if the clinic cancels or the patient is in
 * time, else the late share of the terms, rounded down.
 */
export function refundOnCancel(terms: CancellationTerms, { by, at }: { by: Role; at: Date }): number {
  const freeUntil = terms.startsAt.getTime() - terms.cancellationFreeUntilMinutes * MINUTE
  if (by !== 'patient' || at.getTime() <= freeUntil) return terms.priceAmount
  return Math.floor((terms.priceAmount * terms.cancellationLateRefundPercent) / 100)
}
