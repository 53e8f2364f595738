import type { ProviderPaymentStatus } from './provider'
import type { PaymentStatus } from './tables'

/** Every status of an appointment; `appointments/status` says which may follow which. */
export type AppointmentStatus = 'held' | 'booked' | 'checked_in' | 'completed' | 'no_show' | 'cancelled' | 'expired'

/** An appointment has at most one payment in these: the statuses of the unique index `payments_one_active`. */
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

/** What a status follows from. */
export type PaymentFacts = {
  chargedAmount: number
  refundedAmount: number
  providerStatus: ProviderPaymentStatus | null
  releaseRequestedAt: Date | null
}

/**
 * Money that moved decides; before any has, what the provider says. A payment the clinic has given up is cancelled from
 * then on, unless its money is on the way already or its last try had failed.
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

/** Of two things said of the same instant, the later in this order is believed; the last two are final and exclude each other. */
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
 * The most that is known from two things the provider said, whichever came first: what is final wins, then what is later.
 * In whatever order and however often a set of statuses is merged, the result is the same.
 */
export function mergeProviderState(known: ProviderState | undefined, seen: ProviderState): ProviderState {
  if (!known) return seen
  const rank = ({ status, at }: ProviderState) => [Number(isFinal(status)), isFinal(status) ? 0 : at.getTime()] as const
  const [knownFinal, knownAt] = rank(known)
  const [seenFinal, seenAt] = rank(seen)
  const order = seenFinal - knownFinal || seenAt - knownAt || ORDER.indexOf(seen.status) - ORDER.indexOf(known.status)
  // Twice the same final word: the first instant stands.
  if (order === 0) return seen.at < known.at ? seen : known
  return order > 0 ? seen : known
}

/** Whether a payment may be begun for the appointment; a hold counts until the instant it lapses. */
export function isPayable({ status, holdExpiresAt }: AppointmentState, now: Date): boolean {
  if (status === 'held') return holdExpiresAt !== null && holdExpiresAt > now
  return status === 'booked' || status === 'checked_in' || status === 'completed'
}

type AppointmentState = { status: AppointmentStatus; holdExpiresAt: Date | null }
