import type { Kysely, Transaction } from 'kysely'
import { visibleAppointments } from '../access/appointments'
import type { Caller, Identity } from '../actor'
import { preparedOneRow } from '../database/audited-read'
import { jsonRows } from '../database/json'
import { prepared } from '../database/prepared'
import type { Database } from '../database/schema'
import { PAYMENT_COLUMNS } from '../ledger/payment-rows'
import type { PaymentsTable } from '../ledger/tables'
import { isExpiredHold } from '../scheduling/query-fragments'
import { attentionOf, paymentsToLookAt } from './attention/query-fragments'

/**
 * Locks the appointment if the actor may see it. Every change of a payment locks its appointment's row first, so that
 * paying and cancelling run one after the other.
 */
export function findPayableAppointment(db: Transaction<Database>, actor: Caller, id: string) {
  return db
    .selectFrom('appointments')
    .select(['id', 'patientId', 'status', 'holdExpiresAt', 'priceAmount', 'priceCurrency'])
    .where('id', '=', id)
    .where(visibleAppointments(actor))
    .forUpdate('appointments')
    .executeTakeFirst()
}

const appointmentOf = (db: Kysely<Database>, paymentId: string) =>
  db
    .selectFrom('appointments')
    .where('id', '=', (eb) => eb.selectFrom('payments').select('appointmentId').where('id', '=', paymentId))

export function lockAppointmentOfPayment(db: Transaction<Database>, paymentId: string) {
  return appointmentOf(db, paymentId).select(['id', 'patientId', 'status']).forUpdate('appointments').executeTakeFirst()
}

/** The resources to lock before the appointment; read without locks. */
export function findPartiesOfPayment(db: Kysely<Database>, paymentId: string) {
  return appointmentOf(db, paymentId).select(['doctorId', 'patientId', 'clinicId', 'roomId']).executeTakeFirst()
}

/** Undefined when the appointment has an active payment already. */
export function insertPayment(
  db: Transaction<Database>,
  payment: Pick<
    PaymentsTable,
    'id' | 'appointmentId' | 'amount' | 'currency' | 'method' | 'provider' | 'status' | 'createdBy'
  > & { createdAt: Date },
) {
  return (
    db
      .insertInto('payments')
      .values(payment)
      // Without a target: the index predicate of `payments_one_active` cannot be matched by a parameter.
      .onConflict((conflict) => conflict.doNothing())
      .returning(PAYMENT_COLUMNS)
      .executeTakeFirst()
  )
}

/** Payments with their entries, as the API shows them. */
const selectPayments = (db: Kysely<Database>, actor: Identity) =>
  db
    .selectFrom('payments')
    .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
    .select([...PAYMENT_COLUMNS, 'payments.releaseRequestedAt', 'appointments.patientId'])
    .select((eb) =>
      jsonRows(
        eb
          .selectFrom('paymentEntries')
          .select([
            'paymentEntries.id',
            'paymentEntries.kind',
            'paymentEntries.amount',
            'paymentEntries.currency',
            'paymentEntries.status',
            'paymentEntries.reason',
            'paymentEntries.createdAt',
          ])
          .whereRef('paymentEntries.paymentId', '=', 'payments.id')
          .orderBy('paymentEntries.createdAt')
          .orderBy('paymentEntries.id'),
      ).as('entries'),
    )
    .$if(actor.role === 'admin', (qb) => qb.select(attentionOf))
    .where(visibleAppointments(actor))

export type PaymentRow = Awaited<ReturnType<typeof listPayments>>[number]

export const findPaymentById = preparedOneRow((db, actor, { id }) =>
  selectPayments(db, actor).where('payments.id', '=', id),
)

/** Newest first; `after` is the last row of the page before. */
export const listPayments = prepared(selectPage, ['role'])

function selectPage(
  db: Kysely<Database>,
  actor: Caller,
  { appointmentId, needsAttention, limit }: { appointmentId?: string; needsAttention?: 'true'; limit: number },
  after?: { createdAt: Date; id: string },
) {
  return selectPayments(db, actor)
    .$if(appointmentId !== undefined, (qb) => qb.where('payments.appointmentId', '=', appointmentId!))
    .$if(needsAttention !== undefined, (qb) => qb.where('payments.id', 'in', paymentsToLookAt(actor.role)))
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('payments.createdAt', 'payments.id'), '<', tuple(after!.createdAt, after!.id)),
      ),
    )
    .orderBy('payments.createdAt', 'desc')
    .orderBy('payments.id', 'desc')
    .limit(limit)
}

export async function findPaymentIdByRef(db: Kysely<Database>, provider: string, providerRef: string) {
  const row = await db
    .selectFrom('payments')
    .select('id')
    .where('provider', '=', provider)
    .where('providerRef', '=', providerRef)
    .executeTakeFirst()
  return row?.id
}

/** Card payments released before `before` that their provider has not reported as cancelled, as far as due at `now`. */
export function listUnreleasedPayments(
  db: Kysely<Database>,
  { before, now, limit }: { before: Date; now: Date; limit: number },
) {
  return db
    .selectFrom('payments')
    .select('id')
    .where('releaseRequestedAt', '<', before)
    .where('chargedAmount', '=', 0)
    .where('provider', '<>', 'desk')
    .where((eb) => eb.or([eb('providerStatus', 'is', null), eb('providerStatus', '<>', 'cancelled')]))
    .where((eb) => eb.or([eb('releaseRetryAt', 'is', null), eb('releaseRetryAt', '<=', now)]))
    .orderBy('releaseRequestedAt')
    .limit(limit)
    .execute()
}

/** Appointments with an unpaid card payment to release: they are over, or it was created before `abandonedBefore`. */
export function listAppointmentsToRelease(
  db: Kysely<Database>,
  { now, abandonedBefore, limit }: { now: Date; abandonedBefore: Date; limit: number },
) {
  return db
    .selectFrom('payments')
    .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
    .select('payments.appointmentId')
    .distinct()
    .where('payments.releaseRequestedAt', 'is', null)
    .where('payments.chargedAmount', '=', 0)
    .where('payments.provider', '<>', 'desk')
    .where('payments.providerStatus', 'is distinct from', 'cancelled')
    .where((eb) =>
      eb.or([
        eb('appointments.status', 'in', ['expired', 'cancelled']),
        isExpiredHold(now),
        eb('payments.createdAt', '<', abandonedBefore),
      ]),
    )
    .limit(limit)
    .execute()
}

export function lockPaidAppointment(db: Transaction<Database>, id: string) {
  return db
    .selectFrom('appointments')
    .select(['id', 'patientId', 'status', 'holdExpiresAt'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

/** Marks refund events that arrived before their payment's ref was known as unprocessed. Returns their ids. */
export async function reopenUnmatchedEvents(db: Transaction<Database>, provider: string, providerRef: string) {
  const rows = await db
    .updateTable('paymentEvents')
    .set({ outcome: null, processedAt: null })
    .where('provider', '=', provider)
    .where('paymentRef', '=', providerRef)
    .where('outcome', '=', 'unmatched')
    .returning('id')
    .execute()
  return rows.map(({ id }) => id)
}
