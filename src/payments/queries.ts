import type { Kysely, Transaction } from 'kysely'
import { visibleAppointments } from '../appointments/policy'
import type { Database } from '../database/schema'
import type { Actor } from '../deps'
import { ACTIVE_PAYMENT_STATUSES } from './status'
import type { PaymentStatus, PaymentsTable } from './tables'

const COLUMNS = [
  'payments.id',
  'payments.appointmentId',
  'payments.amount',
  'payments.currency',
  'payments.method',
  'payments.provider',
  'payments.status',
  'payments.createdAt',
] as const

/**
 * The appointment, if it is the actor's, locked: whoever makes or changes a payment holds its appointment's row, so that
 * paying and cancelling take turns.
 */
export function findAppointmentForUpdate(db: Transaction<Database>, actor: Actor, id: string) {
  return db
    .selectFrom('appointments')
    .select(['id', 'patientId', 'status', 'holdExpiresAt', 'priceAmount', 'priceCurrency'])
    .where('id', '=', id)
    .where(visibleAppointments(actor))
    .forUpdate('appointments')
    .executeTakeFirst()
}

export function lockAppointmentOfPayment(db: Transaction<Database>, paymentId: string) {
  return db
    .selectFrom('appointments')
    .select('patientId')
    .where('id', '=', (eb) => eb.selectFrom('payments').select('appointmentId').where('id', '=', paymentId))
    .forUpdate('appointments')
    .executeTakeFirst()
}

/** Undefined when the appointment has an active payment already. */
export function insertPayment(
  db: Transaction<Database>,
  payment: Omit<PaymentsTable, 'createdAt'> & { createdAt: Date },
) {
  return (
    db
      .insertInto('payments')
      .values(payment)
      // Without a target: the index predicate of `payments_one_active` cannot be matched by a parameter.
      .onConflict((conflict) => conflict.doNothing())
      .returning(COLUMNS)
      .executeTakeFirst()
  )
}

/** For an appointment whose row is locked and that has one. */
export function getActivePayment(db: Transaction<Database>, appointmentId: string) {
  return db
    .selectFrom('payments')
    .select('id')
    .where('appointmentId', '=', appointmentId)
    .where('status', 'in', ACTIVE_PAYMENT_STATUSES)
    .executeTakeFirstOrThrow()
}

export function findPaymentById(db: Kysely<Database>, actor: Actor, id: string) {
  return db
    .selectFrom('payments')
    .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
    .select([...COLUMNS, 'appointments.patientId'])
    .where('payments.id', '=', id)
    .where(visibleAppointments(actor))
    .executeTakeFirst()
}

/** Newest first; `after` is the last row of the page before. */
export function listPayments(
  db: Kysely<Database>,
  actor: Actor,
  { appointmentId, limit, after }: { appointmentId?: string; limit: number; after?: { createdAt: Date; id: string } },
) {
  return db
    .selectFrom('payments')
    .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
    .select([...COLUMNS, 'appointments.patientId'])
    .where(visibleAppointments(actor))
    .$if(appointmentId !== undefined, (qb) => qb.where('payments.appointmentId', '=', appointmentId!))
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('payments.createdAt', 'payments.id'), '<', tuple(after!.createdAt, after!.id)),
      ),
    )
    .orderBy('payments.createdAt', 'desc')
    .orderBy('payments.id', 'desc')
    .limit(limit)
    .execute()
}

export function findPaymentForUpdate(db: Transaction<Database>, id: string) {
  return db
    .selectFrom('payments')
    .select(['status', 'provider'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow()
}

export function updatePaymentStatus(
  db: Transaction<Database>,
  id: string,
  changes: { status: PaymentStatus; paidAt?: Date },
) {
  return db.updateTable('payments').set(changes).where('id', '=', id).returning(COLUMNS).executeTakeFirstOrThrow()
}
