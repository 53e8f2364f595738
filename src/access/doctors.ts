import { type SqlBool, sql } from 'kysely'
import type { Caller } from '../actor'
import type { Config } from '../config'
import { notFound } from '../errors'

/** Whether the caller may manage the data of this doctor: the doctor and admins may. */
export const manages = (actor: Caller | null, doctorId: string): boolean =>
  actor?.role === 'admin' || (actor?.role === 'doctor' && actor.doctorId === doctorId)

/** Throws not_found unless the caller is this doctor or an admin. */
export function assertManages(actor: Caller, doctorId: string): void {
  if (!manages(actor, doctorId)) throw notFound('doctor')
}

/**
 * Condition on `doctors`, the only rule of who is listed, searched and offered: not disabled and, with `verifiedOnly`,
 * verified. Works inside `prepared`.
 */
export const isListed = ({ verifiedOnly }: { verifiedOnly: boolean }) =>
  sql<SqlBool>`(not doctors.disabled and (doctors.verified_at is not null or not ${verifiedOnly}))`

/**
 * Only the doctor and admins see a doctor who is disabled or, unless `DOCTOR_VERIFICATION=off`, unverified.
 */
export const maySeeDoctor = (
  { actor, config }: { actor: Caller | null; config: Pick<Config, 'doctorVerification'> },
  doctor: { id: string; verifiedAt: Date | null; disabled: boolean },
): boolean =>
  (!doctor.disabled && (doctor.verifiedAt !== null || !config.doctorVerification)) || manages(actor, doctor.id)
