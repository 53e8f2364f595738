import type { Transaction } from 'kysely'
import type { Database } from '../database/schema'
import { lockResources } from '../database/transaction'
import type { AppointmentsTable } from './tables'

/**
 * Locks an appointment's doctor and patient and, where it has a room, the rooms of its clinic. Call it before any of its
 * rows is locked; `roomId: null` leaves the rooms out.
 */
export function lockAppointmentParties(
  db: Transaction<Database>,
  { doctorId, patientId, clinicId, roomId }: Pick<AppointmentsTable, 'doctorId' | 'patientId' | 'clinicId' | 'roomId'>,
): Promise<void> {
  return lockResources(db, roomId ? [doctorId, patientId, clinicId] : [doctorId, patientId])
}
