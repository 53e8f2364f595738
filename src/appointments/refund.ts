import type { Role } from '../actor'
import { MINUTE } from '../scheduling/local-time'

type BookedTerms = {
  startsAt: Date
  priceAmount: number
  cancellationFreeUntilMinutes: number
  cancellationLateRefundPercent: number
}

/**
 * What is paid back of a price that was paid, in minor units, when the appointment is cancelled: all of it where the
 * clinic cancels or the patient is in time, else the share that the terms name, rounded down.
 */
export function refundOnCancel(terms: BookedTerms, { by, at }: { by: Role; at: Date }): number {
  const freeUntil = terms.startsAt.getTime() - terms.cancellationFreeUntilMinutes * MINUTE
  if (by !== 'patient' || at.getTime() <= freeUntil) return terms.priceAmount
  return Math.floor((terms.priceAmount * terms.cancellationLateRefundPercent) / 100)
}
