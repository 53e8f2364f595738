import { type Expression, expressionBuilder, type SqlBool } from 'kysely'
import type { Caller } from '../actor'
import type { Database } from '../database/schema'
import { AppError, invalid, notFound } from '../errors'
import { ownPatients } from './patients'

/** Condition on `appointments`: patients see their own and their wards' appointments, doctors their own, admins all. */
export function visibleAppointments({ role, userId, doctorId }: Caller): Expression<SqlBool> {
  const { eb, lit } = expressionBuilder<Database, 'appointments'>()
  if (role === 'admin') return lit(true)
  if (role === 'doctor') return eb('appointments.doctorId', '=', doctorId ?? null)
  return eb('appointments.patientId', 'in', ownPatients(userId))
}

/**
 * Id of the patient to book for, by default the caller. Whether the caller may see that patient is checked elsewhere.
 * Throws forbidden for a doctor who books with another doctor, validation_failed or not_found without a patient.
 */
export function patientToBookFor(
  actor: Caller,
  { doctorId, patientId }: { doctorId: string; patientId?: string },
): string {
  if (actor.role === 'doctor' && doctorId !== actor.doctorId)
    throw new AppError('forbidden', 'Doctors may only book appointments with themselves.')
  if (patientId !== undefined) return patientId
  if (actor.role !== 'patient') throw invalid('patientId', 'is required')
  if (actor.patientId === undefined) throw notFound('patient')
  return actor.patientId
}
