import type { Caller } from '../actor'
import type { Context } from '../deps'
import { notFound } from '../errors'

/** Whether the caller may manage the data of this doctor: the doctor and admins may. */
export const manages = (actor: Caller | null, doctorId: string): boolean =>
  actor?.role === 'admin' || (actor?.role === 'doctor' && actor.doctorId === doctorId)

/** Throws not_found unless the caller is this doctor or an admin. */
export function assertManages(actor: Caller, doctorId: string): void {
  if (!manages(actor, doctorId)) throw notFound('doctor')
}

/** Only the doctor and admins see an unverified doctor, unless `DOCTOR_VERIFICATION=off`. */
export const maySeeDoctor = (
  { actor, config }: Pick<Context<Caller | null>, 'actor' | 'config'>,
  doctor: { id: string; verifiedAt: Date | null },
): boolean => doctor.verifiedAt !== null || !config.doctorVerification || manages(actor, doctor.id)
