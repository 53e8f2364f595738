import { type Expression, expressionBuilder, type SqlBool } from 'kysely'
import type { Caller } from '../actor'
import type { Database } from '../database/schema'
import { AppError, invalid, notFound } from '../errors'
import { ownPatients } from './patients'

/** Whose appointments the caller may see: patients their own and their wards', doctors those they hold, admins all. */
export function visibleAppointments({ role, userId, doctorId }: Caller): Expression<SqlBool> {
  const { eb, lit } = expressionBuilder<Database, 'appointments'>()
  if (role === 'admin') return lit(true)
  if (role === 'doctor') return eb('appointments.doctorId', '=', doctorId ?? null)
  return eb('appointments.patientId', 'in', ownPatients(userId))
}

/** Whom the caller books for, theirs or not. Throws forbidden, and validation_failed where it must be said. */
export function patientToBookFor(
  actor: Caller,
  { doctorId, patientId }: { doctorId: string; patientId?: string },
): string {
  if (actor.role === 'doctor' && doctorId !== actor.doctorId)
    throw new AppError('forbidden', 'A doctor books appointments with themselves only.')
  if (patientId !== undefined) return patientId
  if (actor.role !== 'patient') throw invalid('patientId', 'is required')
  if (actor.patientId === undefined) throw notFound('patient')
  return actor.patientId
}
