import type { ProviderPaymentStatus } from './provider'
import type { PaymentStatus } from './tables'

/** Every status of an appointment; `appointments/status` holds the allowed transitions. */
export type AppointmentStatus = 'held' | 'booked' | 'checked_in' | 'completed' | 'no_show' | 'cancelled' | 'expired'

/** An appointment has at most one payment in these statuses, by the unique index `payments_one_active`. */
export const ACTIVE_PAYMENT_STATUSES = [
  'pending',
  'requires_action',
  'processing',
  'succeeded',
  'partially_refunded',
] as const satisfies readonly PaymentStatus[]

const active: readonly PaymentStatus[] = ACTIVE_PAYMENT_STATUSES
export const isActive = (status: PaymentStatus): boolean => active.includes(status)

export const isPaid = (status: PaymentStatus): boolean =>
  status === 'succeeded' || status === 'partially_refunded' || status === 'refunded'

/** The columns that decide a payment's status. */
export type PaymentFacts = {
  chargedAmount: number
  refundedAmount: number
  providerStatus: ProviderPaymentStatus | null
  releaseRequestedAt: Date | null
}

/**
 * Charges and refunds decide; without any, the provider's status does. A released payment is `cancelled`, unless the
 * provider says `processing` or `failed`.
 */
export function deriveStatus({
  chargedAmount,
  refundedAmount,
  providerStatus,
  releaseRequestedAt,
}: PaymentFacts): PaymentStatus {
  if (chargedAmount > 0) {
    if (refundedAmount === 0) return 'succeeded'
    return refundedAmount < chargedAmount ? 'partially_refunded' : 'refunded'
  }
  const open = providerStatus === null || providerStatus === 'pending' || providerStatus === 'requires_action'
  if (releaseRequestedAt !== null && open) return 'cancelled'
  return providerStatus ?? 'pending'
}

export type ProviderState = { status: ProviderPaymentStatus; at: Date }

/** Of two reports about the same instant, the later in this order wins. The last two are final and exclude each other. */
const ORDER: readonly ProviderPaymentStatus[] = [
  'pending',
  'requires_action',
  'processing',
  'failed',
  'cancelled',
  'succeeded',
]
const isFinal = (status: ProviderPaymentStatus) => status === 'succeeded' || status === 'cancelled'

/**
 * Merges two reports of the provider: a final status wins, then the later report. The result does not depend on the order
 * of the reports or on repeats.
 */
export function mergeProviderState(known: ProviderState | undefined, reported: ProviderState): ProviderState {
  if (!known) return reported
  const rank = ({ status, at }: ProviderState) => [Number(isFinal(status)), isFinal(status) ? 0 : at.getTime()] as const
  const [knownFinal, knownAt] = rank(known)
  const [reportedFinal, reportedAt] = rank(reported)
  const order =
    reportedFinal - knownFinal || reportedAt - knownAt || ORDER.indexOf(reported.status) - ORDER.indexOf(known.status)
  // The same final status twice: keep the earlier instant.
  if (order === 0) return reported.at < known.at ? reported : known
  return order > 0 ? reported : known
}

/** Whether this is a hold that has not expired; in SQL `isOpenHold` of `scheduling/query-fragments`. */
export const isHoldOpen = ({ status, holdExpiresAt }: AppointmentState, now: Date): boolean =>
  status === 'held' && holdExpiresAt !== null && holdExpiresAt > now

/** Whether a payment may be created for the appointment; a hold can be paid until the instant it expires. */
export function isPayable({ status, holdExpiresAt }: AppointmentState, now: Date): boolean {
  if (status === 'held') return isHoldOpen({ status, holdExpiresAt }, now)
  return status === 'booked' || status === 'checked_in' || status === 'completed'
}

type AppointmentState = { status: AppointmentStatus; holdExpiresAt: Date | null }
