import { type Expression, expressionBuilder, type SqlBool } from 'kysely'
import type { Database } from '../database/schema'
import type { Actor } from '../deps'
import { AppError, invalid, notFound } from '../errors'

/** Whose appointments the caller may see: patients their own and their wards', doctors those they hold, admins all. */
export function visibleAppointments({ role, userId, doctorId }: Actor): Expression<SqlBool> {
  const { eb, lit } = expressionBuilder<Database, 'appointments'>()
  if (role === 'admin') return lit(true)
  if (role === 'doctor') return eb('appointments.doctorId', '=', doctorId ?? null)
  const { selectFrom } = expressionBuilder<Database, never>()
  const own = selectFrom('patients').select('id').where('userId', '=', userId)
  const wards = selectFrom('patientGuardians').select('patientId as id').where('userId', '=', userId)
  // A set of few ids, as the planner can tell from it, so that it reads by patient and not the whole calendar.
  return eb('appointments.patientId', 'in', own.union(wards))
}

/** Whom the caller books for, theirs or not. Throws forbidden, and validation_failed where it must be said. */
export function patientToBookFor(
  actor: Actor,
  { doctorId, patientId }: { doctorId: string; patientId?: string },
): string {
  if (actor.role === 'doctor' && doctorId !== actor.doctorId)
    throw new AppError('forbidden', 'A doctor books appointments with themselves only.')
  if (patientId !== undefined) return patientId
  if (actor.role !== 'patient') throw invalid('patientId', 'is required')
  if (actor.patientId === undefined) throw notFound('patient')
  return actor.patientId
}
