import { sql, type Transaction } from 'kysely'
import { jsonRow } from '../../database/json'
import type { Database } from '../../database/schema'
import { paymentOfAppointment } from '../queries'

type Lapsed = { now: Date } & ({ ids: string[] } | { limit: number })

/**
 * Marks lapsed holds as expired, then frees what they took, in one statement. Whoever has the row decides: a hold that is
 * confirmed meanwhile is left alone. By id, so that nobody waits in a circle; `limit` passes over rows that somebody else
 * has.
 */
export function expireHoldRows(db: Transaction<Database>, lapsed: Lapsed) {
  return db
    .with('lapsed', (qb) =>
      qb
        .selectFrom('appointments')
        .select('id')
        .where('status', '=', 'held')
        .where('holdExpiresAt', '<=', lapsed.now)
        .$call((qb) =>
          'ids' in lapsed
            ? qb.where(sql<boolean>`id = any(${lapsed.ids}::uuid[])`).orderBy('id').forUpdate()
            : qb.orderBy('id').limit(lapsed.limit).forUpdate().skipLocked(),
        ),
    )
    .with('expired', (qb) =>
      qb
        .updateTable('appointments')
        .set((eb) => ({ status: 'expired', version: eb('version', '+', 1) }))
        .where('id', 'in', (eb) => eb.selectFrom('lapsed').select('lapsed.id'))
        .returning(['id', 'patientId', 'doctorId', 'clinicId', 'startsAt', 'endsAt']),
    )
    .with('freed', (qb) =>
      qb.deleteFrom('occupancy').where('appointmentId', 'in', (eb) => eb.selectFrom('expired').select('expired.id')),
    )
    .selectFrom('expired')
    .select(['id', 'patientId', 'doctorId', 'clinicId', 'startsAt', 'endsAt'])
    .orderBy('id')
    .execute()
}

/** In one statement; undefined when the hold has lapsed or is none any more. */
export function confirmHoldRow(db: Transaction<Database>, id: string, now: Date) {
  return db
    .with('confirmed', (qb) =>
      qb
        .updateTable('appointments')
        .set({ status: 'booked', holdExpiresAt: null })
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', id)
        .where('status', '=', 'held')
        .where('holdExpiresAt', '>', now)
        .returning(['id', 'status', 'version']),
    )
    .with('kept', (qb) =>
      qb
        .updateTable('occupancy')
        .set({ expiresAt: null })
        .where('appointmentId', 'in', (eb) => eb.selectFrom('confirmed').select('confirmed.id')),
    )
    .selectFrom('confirmed')
    .innerJoin('appointments', 'appointments.id', 'confirmed.id')
    .select(['confirmed.status', 'confirmed.version', jsonRow(paymentOfAppointment()).as('payment')])
    .executeTakeFirst()
}
