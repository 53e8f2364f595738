import type { Transaction } from 'kysely'
import type { Database } from '../../database/schema'
import { type Occupancy, occupancyRows } from '../occupancy'

/** Locks the row of an appointment whose payment has arrived. */
export function findPaidAppointment(db: Transaction<Database>, id: string) {
  return db
    .selectFrom('appointments')
    .select([
      'id',
      'status',
      'patientId',
      'doctorId',
      'clinicId',
      'roomId',
      'visitTypeId',
      'startsAt',
      'endsAt',
      'bufferBeforeMinutes',
      'bufferAfterMinutes',
      'priceAmount',
      'priceCurrency',
    ])
    .select(({ selectFrom }) => [
      selectFrom('doctors')
        .select('disabled')
        .whereRef('doctors.id', '=', 'appointments.doctorId')
        .$asScalar()
        .as('doctorDisabled'),
      selectFrom('patients')
        .select('patients.erasedAt')
        .whereRef('patients.id', '=', 'appointments.patientId')
        .as('erasedAt'),
    ])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow()
}

/** Makes an expired hold a booking, with new occupancy. */
export async function rebookRow(
  db: Transaction<Database>,
  id: string,
  { roomId, occupancy }: { roomId: string | null; occupancy: Occupancy[] },
): Promise<void> {
  await db.deleteFrom('occupancy').where('appointmentId', '=', id).execute()
  await db
    .with('booked', (qb) =>
      qb
        .updateTable('appointments')
        .set({ status: 'booked', holdExpiresAt: null, roomId })
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', id),
    )
    .insertInto('occupancy')
    .values(occupancyRows(id, occupancy, null))
    .execute()
}
