import { AppError } from '../errors'
import type { AppointmentStatus } from '../ledger/status'
import { localDay } from '../scheduling/local-time'

/** `same_day`: undoing a mistake, on the appointment's own local day. */
type When = 'any_time' | 'before_start' | 'after_start' | 'same_day'

/** Every allowed change of status. */
export const TRANSITIONS: readonly { from: AppointmentStatus; to: AppointmentStatus; when: When }[] = [
  { from: 'held', to: 'booked', when: 'any_time' },
  { from: 'held', to: 'expired', when: 'any_time' },
  { from: 'held', to: 'cancelled', when: 'before_start' },
  { from: 'booked', to: 'cancelled', when: 'before_start' },
  { from: 'booked', to: 'checked_in', when: 'any_time' },
  { from: 'booked', to: 'completed', when: 'after_start' },
  { from: 'booked', to: 'no_show', when: 'after_start' },
  { from: 'checked_in', to: 'completed', when: 'any_time' },
  { from: 'no_show', to: 'checked_in', when: 'same_day' },
  { from: 'no_show', to: 'completed', when: 'same_day' },
  { from: 'completed', to: 'checked_in', when: 'same_day' },
]

type Appointment = { status: AppointmentStatus; startsAt: Date; date: string; timeZone: string }

const IN_TIME: Record<When, (appointment: Appointment, now: Date) => boolean> = {
  any_time: () => true,
  before_start: ({ startsAt }, now) => now < startsAt,
  after_start: ({ startsAt }, now) => now >= startsAt,
  same_day: ({ date, timeZone }, now) => localDay(now.getTime(), timeZone) === date,
}

const TIME_IN_WORDS: Record<Exclude<When, 'any_time'>, string> = {
  before_start: 'before it starts',
  after_start: 'once it has started',
  same_day: 'on the same day',
}

const transitionOf = (from: AppointmentStatus, to: AppointmentStatus) =>
  TRANSITIONS.find((known) => known.from === from && known.to === to)

/** Throws invalid_state unless the appointment may become `to` at this time. */
export function assertTransition(appointment: Appointment, to: AppointmentStatus, now: Date): void {
  const transition = transitionOf(appointment.status, to)
  if (!transition)
    throw new AppError(
      'invalid_state',
      `An appointment that is ${words(appointment.status)} cannot become ${words(to)}.`,
    )
  if (!IN_TIME[transition.when](appointment, now) && transition.when !== 'any_time')
    throw new AppError(
      'invalid_state',
      `An appointment can become ${words(to)} only ${TIME_IN_WORDS[transition.when]}.`,
    )
}

export function mayBecome(appointment: Appointment, to: AppointmentStatus, now: Date): boolean {
  const transition = transitionOf(appointment.status, to)
  return transition !== undefined && IN_TIME[transition.when](appointment, now)
}

/** Whether this undoes a mistake, which needs a reason. */
export const isUndo = (from: AppointmentStatus, to: AppointmentStatus): boolean =>
  transitionOf(from, to)?.when === 'same_day'

/** Throws invalid_state unless the appointment is booked and has not started. */
export function assertMovable({ status, startsAt }: Appointment, now: Date): void {
  if (status !== 'booked')
    throw new AppError('invalid_state', `An appointment that is ${words(status)} cannot be moved.`)
  if (now >= startsAt) throw new AppError('invalid_state', 'An appointment can be moved only before it starts.')
}

const words = (status: AppointmentStatus) => (status === 'no_show' ? 'a no-show' : status.replaceAll('_', ' '))
