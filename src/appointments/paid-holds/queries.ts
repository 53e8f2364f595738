import type { Transaction } from 'kysely'
import type { Database } from '../../database/schema'
import { formatRange, type Taken } from '../queries'

/** An appointment whose payment has come in; its row is locked. */
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
    ])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow()
}

/** Makes a lapsed hold a booking, with its time taken anew. */
export async function rebookRow(
  db: Transaction<Database>,
  id: string,
  { roomId, taken }: { roomId: string | null; taken: Taken[] },
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
    .values(
      taken.map(({ kind, resourceId, during }) => ({
        appointmentId: id,
        kind,
        resourceId,
        during: formatRange(during),
        expiresAt: null,
      })),
    )
    .execute()
}
