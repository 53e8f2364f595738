import { type Kysely, sql, type Transaction } from 'kysely'
import { prepared } from '../database/prepared'
import type { Database } from '../database/schema'
import { ACTIVE_PAYMENT_STATUSES } from './status'
import type { PaymentsTable } from './tables'

/** Columns that the API shows. */
export const PAYMENT_COLUMNS = [
  'payments.id',
  'payments.appointmentId',
  'payments.amount',
  'payments.currency',
  'payments.method',
  'payments.provider',
  'payments.status',
  'payments.chargedAmount',
  'payments.refundedAmount',
  'payments.failureCode',
  'payments.resolution',
  'payments.createdAt',
] as const

/** Columns needed to change a payment. */
const STORED_COLUMNS = [
  ...PAYMENT_COLUMNS,
  'payments.providerRef',
  'payments.providerStatus',
  'payments.providerStatusAt',
  'payments.releaseRequestedAt',
  'payments.releaseAttempts',
  'payments.releaseRetryAt',
  'payments.superseded',
] as const

/** The payment that blocks a second one. The appointment's row must be locked. */
export function findActivePayment(db: Transaction<Database>, appointmentId: string) {
  return db
    .selectFrom('payments')
    .select('id')
    .where('appointmentId', '=', appointmentId)
    .where('status', 'in', ACTIVE_PAYMENT_STATUSES)
    .where('superseded', '=', false)
    .executeTakeFirst()
}

export type StoredPayment = NonNullable<Awaited<ReturnType<typeof findStoredPayment>>>

export function findStoredPayment(db: Kysely<Database>, id: string) {
  return db.selectFrom('payments').select(STORED_COLUMNS).where('id', '=', id).executeTakeFirst()
}

/** Lock the appointment's row first. */
export function findPaymentForUpdate(db: Transaction<Database>, id: string) {
  return db.selectFrom('payments').select(STORED_COLUMNS).where('id', '=', id).forUpdate().executeTakeFirst()
}

/** Locks all payments of these appointments, whose rows must be locked already. Ordered by id, oldest first. */
export function lockPaymentsOfAppointments(db: Transaction<Database>, appointmentIds: string[]) {
  return lockPayments(db, { appointmentIds })
}

const lockPayments = prepared((db, { appointmentIds }: { appointmentIds: string[] }) =>
  db
    .selectFrom('payments')
    .select(STORED_COLUMNS)
    .where('appointmentId', '=', sql<string>`any(${appointmentIds}::uuid[])`)
    .orderBy('id')
    .forUpdate(),
)

export type PaymentChanges = Partial<
  Pick<
    PaymentsTable,
    | 'status'
    | 'paidAt'
    | 'providerRef'
    | 'providerStatus'
    | 'providerStatusAt'
    | 'failureCode'
    | 'resolution'
    | 'releaseRequestedAt'
  > & { superseded: boolean }
>

export function updatePayment(db: Transaction<Database>, id: string, changes: PaymentChanges) {
  return db
    .updateTable('payments')
    .set(changes)
    .where('id', '=', id)
    .returning(STORED_COLUMNS)
    .executeTakeFirstOrThrow()
}
