import { AppError } from '../errors'
import { type AppointmentStatus, isHoldOpen } from '../ledger/status'
import { dayBounds, localDay, MINUTE } from '../scheduling/local-time'

/** `visit_window`: from the start of the appointment's local day, or two hours before it, to the end of its local day. */
type When = 'before_start' | 'after_start' | 'visit_window' | 'before_expiry'

type Transition = {
  from: AppointmentStatus
  to: AppointmentStatus
  /** All must be true; at any time without. */
  when?: readonly When[]
  /** Undoes a mistake, which needs a reason. */
  undo?: true
}

/** Every allowed change of status. */
export const TRANSITIONS: readonly Transition[] = [
  { from: 'held', to: 'booked' },
  { from: 'held', to: 'expired' },
  { from: 'held', to: 'cancelled', when: ['before_expiry', 'before_start'] },
  { from: 'booked', to: 'cancelled', when: ['before_start'] },
  { from: 'booked', to: 'checked_in', when: ['visit_window'] },
  { from: 'booked', to: 'completed', when: ['after_start'] },
  { from: 'booked', to: 'no_show', when: ['after_start'] },
  { from: 'checked_in', to: 'completed', when: ['after_start'] },
  { from: 'checked_in', to: 'booked', when: ['visit_window', 'before_start'], undo: true },
  { from: 'no_show', to: 'checked_in', when: ['visit_window'], undo: true },
  { from: 'no_show', to: 'completed', when: ['after_start', 'visit_window'], undo: true },
  { from: 'completed', to: 'checked_in', when: ['visit_window'], undo: true },
]

type Appointment = {
  status: AppointmentStatus
  startsAt: Date
  endsAt: Date
  timeZone: string
  holdExpiresAt: Date | null
}

const IN_TIME: Record<When, (appointment: Appointment, now: Date) => boolean> = {
  before_start: ({ startsAt }, now) => now < startsAt,
  after_start: ({ startsAt }, now) => now >= startsAt,
  visit_window: isInVisitWindow,
  before_expiry: isHoldOpen,
}

const TIME_IN_WORDS: Record<When, string> = {
  before_start: 'before it starts',
  after_start: 'once it has started',
  before_expiry: 'before its hold expires',
  visit_window: 'on the day of the visit, or from two hours before its start',
}

function isInVisitWindow({ startsAt, endsAt, timeZone }: Appointment, now: Date): boolean {
  const [start, end] = [startsAt.getTime(), endsAt.getTime()]
  const opens = Math.min(dayBounds(localDay(start, timeZone), timeZone).start, start - 120 * MINUTE)
  return opens <= now.getTime() && now.getTime() < dayBounds(localDay(end, timeZone), timeZone).end
}

const transitionOf = (from: AppointmentStatus, to: AppointmentStatus) =>
  TRANSITIONS.find((known) => known.from === from && known.to === to)

/** The first condition of time that does not hold. */
const notInTime = ({ when = [] }: Transition, appointment: Appointment, now: Date) =>
  when.find((one) => !IN_TIME[one](appointment, now))

/** Throws invalid_state unless the appointment may become `to` at this time; with `from`, only out of that status. */
export function assertTransition(
  appointment: Appointment,
  to: AppointmentStatus,
  now: Date,
  { from = appointment.status } = {},
): void {
  const transition = from === appointment.status ? transitionOf(from, to) : undefined
  if (!transition)
    throw new AppError(
      'invalid_state',
      `An appointment that is ${words(appointment.status)} cannot become ${words(to)}.`,
    )
  const missed = notInTime(transition, appointment, now)
  if (missed)
    throw new AppError('invalid_state', `An appointment can become ${words(to)} only ${TIME_IN_WORDS[missed]}.`)
}

export function mayBecome(appointment: Appointment, to: AppointmentStatus, now: Date): boolean {
  const transition = transitionOf(appointment.status, to)
  return transition !== undefined && notInTime(transition, appointment, now) === undefined
}

/** Whether this undoes a mistake, which needs a reason. */
export const isUndo = (from: AppointmentStatus, to: AppointmentStatus): boolean => transitionOf(from, to)?.undo === true

/** Throws invalid_state unless the appointment is booked and has not started. */
export function assertMovable({ status, startsAt }: Pick<Appointment, 'status' | 'startsAt'>, now: Date): void {
  if (status !== 'booked')
    throw new AppError('invalid_state', `An appointment that is ${words(status)} cannot be moved.`)
  if (now >= startsAt) throw new AppError('invalid_state', 'An appointment can be moved only before it starts.')
}

const words = (status: AppointmentStatus) => (status === 'no_show' ? 'a no-show' : status.replaceAll('_', ' '))
