import type { Caller } from '../actor'
import type { Config } from '../config'
import { AppError } from '../errors'
import type { BookingFacts, UpcomingVisits } from '../scheduling/facts'

const MAX_HOLDS = 3

/** Such a visit is only held until its payment confirms it. */
export const isPaidFirst = ({ visitType: { requiresPrepayment, priceAmount } }: BookingFacts) =>
  requiresPrepayment && priceAmount > 0

/** Throws invalid_state if `wanted` more holds would be too many. All active holds of the patient count, by anybody. */
export function assertMayHold({ patient }: BookingFacts, wanted = 1): void {
  if (patient.activeHolds + wanted > MAX_HOLDS)
    throw new AppError('invalid_state', `A patient can have at most ${MAX_HOLDS} holds at once.`)
}

/**
 * Throws too_many_upcoming if a patient's account would make more visits to come than the settings allow. Staff are not
 * bound, and visits that they made do not count.
 */
export function assertMayBookMore(
  { actor, config }: { actor: Caller; config: Config },
  { upcoming, upcomingWithDoctor }: UpcomingVisits,
  wanted = 1,
): void {
  if (actor.role !== 'patient') return
  const { perPatient, perDoctor } = config.maxUpcoming
  if (perPatient > 0 && upcoming + wanted > perPatient)
    throw new AppError('too_many_upcoming', `A patient can have at most ${perPatient} visits to come.`)
  if (perDoctor > 0 && upcomingWithDoctor + wanted > perDoctor)
    throw new AppError('too_many_upcoming', `A patient can have at most ${perDoctor} visits to come with one doctor.`)
}
