import type { Actor, Context } from '../deps'
import { notFound } from '../errors'

/** Whether the caller runs this doctor's practice: the doctor or an admin. */
export const manages = (actor: Actor | null, doctorId: string): boolean =>
  actor?.role === 'admin' || (actor?.role === 'doctor' && actor.doctorId === doctorId)

/** Throws not_found for everybody but the doctor and admins. */
export function assertManages(actor: Actor, doctorId: string): void {
  if (!manages(actor, doctorId)) throw notFound('doctor')
}

/** An unverified doctor is there for themselves and for admins only, unless `DOCTOR_VERIFICATION=off`. */
export const maySeeDoctor = (
  { actor, config }: Pick<Context<Actor | null>, 'actor' | 'config'>,
  doctor: { id: string; verifiedAt: Date | null },
): boolean => doctor.verifiedAt !== null || !config.doctorVerification || manages(actor, doctor.id)
