import { AppError } from '../errors'
import type { AppointmentStatus } from '../ledger/status'
import { localDay } from '../scheduling/local-time'
import type { StoredStatus } from './tables'

/** What a client sees; `expired` is never stored, since only time makes it so. */
export type EntryStatus = StoredStatus | 'expired'

/** Every change of status there is. An entry is offered one time; whoever lets it pass may join again, at the end. */
export const TRANSITIONS: readonly { from: EntryStatus; to: EntryStatus }[] = [
  { from: 'waiting', to: 'offered' },
  { from: 'waiting', to: 'withdrawn' },
  { from: 'waiting', to: 'expired' },
  { from: 'offered', to: 'accepted' },
  { from: 'offered', to: 'declined' },
  { from: 'offered', to: 'lapsed' },
  { from: 'offered', to: 'withdrawn' },
]

/** Throws invalid_state, and hold_expired for an offer that was let pass, unless the entry may become `to`. */
export function assertTransition(from: EntryStatus, to: EntryStatus): void {
  if (TRANSITIONS.some((known) => known.from === from && known.to === to)) return
  if (from === 'lapsed' && to === 'accepted') throw new AppError('hold_expired', 'The offer has lapsed.')
  throw new AppError('invalid_state', `An entry of the waiting list that is ${from} cannot become ${to}.`)
}

const BEHIND_UTC = 12 * 3_600_000

/** The day it is, or was last, everywhere on earth: days before it are over in every time zone. */
export const earliestToday = (now: Date): string => localDay(now.getTime() - BEHIND_UTC, 'UTC')

type Entry = { status: StoredStatus; endsOn: string }
type Offer = { status: AppointmentStatus; holdExpiresAt: Date | null }

/** The held appointment decides what became of an offer, and the days whether an entry can still be offered anything. */
export function statusNow({ status, endsOn }: Entry, offer: Offer | null, now: Date): EntryStatus {
  if (status === 'waiting') return endsOn < earliestToday(now) ? 'expired' : 'waiting'
  if (status !== 'offered' || !offer) return status
  if (offer.status === 'held') return offer.holdExpiresAt && offer.holdExpiresAt > now ? 'offered' : 'lapsed'
  if (offer.status === 'expired') return 'lapsed'
  return offer.status === 'cancelled' ? 'declined' : 'accepted'
}
