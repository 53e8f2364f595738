import { AppError, type ClockRule } from '../errors'
import { type AppointmentStatus, isHoldOpen } from '../ledger/status'
import { localDay } from '../scheduling/local-time'
import type { StoredStatus } from './tables'

/** What a client sees; `expired` is never stored, since only time makes it so. */
export type EntryStatus = StoredStatus | 'expired'

/** Every allowed change of status. An entry gets one offer; after it the patient joins again at the end of the list. */
export const WAITLIST_TRANSITIONS: readonly { from: EntryStatus; to: EntryStatus }[] = [
  { from: 'waiting', to: 'offered' },
  { from: 'waiting', to: 'withdrawn' },
  { from: 'waiting', to: 'expired' },
  { from: 'offered', to: 'accepted' },
  { from: 'offered', to: 'declined' },
  { from: 'offered', to: 'lapsed' },
  { from: 'offered', to: 'withdrawn' },
]

/** Throws hold_expired when an expired offer is accepted, else invalid_state, unless the entry may become `to`. */
export function assertWaitlistTransition(from: EntryStatus, to: EntryStatus): void {
  if (WAITLIST_TRANSITIONS.some((known) => known.from === from && known.to === to)) return
  if (from === 'lapsed' && to === 'accepted') throw new AppError('hold_expired', 'The offer has expired.')
  throw new AppError('invalid_state', `An entry of the waiting list that is ${from} cannot become ${to}.`)
}

const BEHIND_UTC = 12 * 3_600_000

/** The local day in the zone furthest behind UTC: days before it are over in every time zone. */
export const earliestToday = (now: Date): string => localDay(now.getTime() - BEHIND_UTC, 'UTC')

export const notOver: ClockRule<string> = (day, now) =>
  day < earliestToday(now) ? 'must not lie in the past' : undefined

type StoredEntry = { status: StoredStatus; endsOn: string }
type OfferedAppointment = { status: AppointmentStatus; holdExpiresAt: Date | null }

/** The stored status, corrected by the state of the offered appointment and by the last day of the entry. */
export function statusNow({ status, endsOn }: StoredEntry, offer: OfferedAppointment | null, now: Date): EntryStatus {
  if (status === 'waiting') return endsOn < earliestToday(now) ? 'expired' : 'waiting'
  if (status !== 'offered' || !offer) return status
  if (offer.status === 'held') return isHoldOpen(offer, now) ? 'offered' : 'lapsed'
  if (offer.status === 'expired') return 'lapsed'
  return offer.status === 'cancelled' ? 'declined' : 'accepted'
}
