import { sql, type Transaction } from 'kysely'
import { jsonRow } from '../../database/json'
import type { Database } from '../../database/schema'
import { isExpiredHold, isOpenHold } from '../../scheduling/query-fragments'
import { paymentOfAppointment } from '../queries'

type HoldsToExpire = { now: Date } & ({ ids: string[] } | { limit: number })

/**
 * Sets expired holds to `expired` and deletes their occupancy, in one statement. A hold that another transaction confirms
 * meanwhile stays as it is. Locks rows by id, which avoids deadlocks; `limit` skips rows that are locked.
 */
export function expireHoldRows(db: Transaction<Database>, holds: HoldsToExpire) {
  return db
    .with('overdue', (qb) =>
      qb
        .selectFrom('appointments')
        .select('id')
        .where(isExpiredHold(holds.now))
        .$call((qb) =>
          'ids' in holds
            ? qb.where(sql<boolean>`id = any(${holds.ids}::uuid[])`).orderBy('id').forUpdate()
            : qb.orderBy('id').limit(holds.limit).forUpdate().skipLocked(),
        ),
    )
    .with('expired', (qb) =>
      qb
        .updateTable('appointments')
        .set((eb) => ({ status: 'expired', version: eb('version', '+', 1) }))
        .where('id', 'in', (eb) => eb.selectFrom('overdue').select('overdue.id'))
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

/** In one statement; undefined when the hold has expired or is no hold any more. */
export function confirmHoldRow(db: Transaction<Database>, id: string, now: Date) {
  return db
    .with('confirmed', (qb) =>
      qb
        .updateTable('appointments')
        .set({ status: 'booked', holdExpiresAt: null })
        .set((eb) => ({ version: eb('version', '+', 1) }))
        .where('id', '=', id)
        .where(isOpenHold(now))
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
