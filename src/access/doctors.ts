import type { Caller } from '../actor'
import type { Context } from '../deps'
import { notFound } from '../errors'

/** Whether the caller runs this doctor's practice: the doctor or an admin. */
export const manages = (actor: Caller | null, doctorId: string): boolean =>
  actor?.role === 'admin' || (actor?.role === 'doctor' && actor.doctorId === doctorId)

/** Throws not_found for everybody but the doctor and admins. */
export function assertManages(actor: Caller, doctorId: string): void {
  if (!manages(actor, doctorId)) throw notFound('doctor')
}

/** An unverified doctor is there for themselves and for admins only, unless `DOCTOR_VERIFICATION=off`. */
export const maySeeDoctor = (
  { actor, config }: Pick<Context<Caller | null>, 'actor' | 'config'>,
  doctor: { id: string; verifiedAt: Date | null },
): boolean => doctor.verifiedAt !== null || !config.doctorVerification || manages(actor, doctor.id)
