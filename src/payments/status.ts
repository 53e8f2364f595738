import type { AppointmentStatus } from '../appointments/tables'
import type { PaymentStatus } from './tables'

/** What a payment may become from each status; where nothing follows, it is settled for good. */
const NEXT: Record<PaymentStatus, readonly PaymentStatus[]> = {
  pending: ['requires_action', 'processing', 'succeeded', 'failed', 'cancelled'],
  requires_action: ['processing', 'succeeded', 'failed', 'cancelled'],
  processing: ['succeeded', 'failed', 'cancelled'],
  succeeded: ['partially_refunded', 'refunded'],
  partially_refunded: ['refunded'],
  refunded: [],
  failed: [],
  cancelled: [],
}

export const canBecome = (from: PaymentStatus, to: PaymentStatus): boolean => NEXT[from].includes(to)

/** An appointment has at most one payment in these: the statuses of the unique index `payments_one_active`. */
export const ACTIVE_PAYMENT_STATUSES = [
  'pending',
  'requires_action',
  'processing',
  'succeeded',
  'partially_refunded',
] as const satisfies readonly PaymentStatus[]

/** Whether a payment may be begun for the appointment; a hold counts until the instant it lapses. */
export function isPayable({ status, holdExpiresAt }: AppointmentState, now: Date): boolean {
  if (status === 'held') return holdExpiresAt !== null && holdExpiresAt > now
  return status === 'booked' || status === 'checked_in' || status === 'completed'
}

type AppointmentState = { status: AppointmentStatus; holdExpiresAt: Date | null }
