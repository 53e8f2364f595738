import type { Kysely } from 'kysely'
import { visibleAppointments } from '../../access/appointments'
import type { Caller } from '../../actor'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'

export type ReceiptRow = NonNullable<Awaited<ReturnType<typeof findReceipt>>>

/** The content of a payment's receipt, if the actor may see its appointment. Failed refunds are left out. */
export function findReceipt(db: Kysely<Database>, actor: Caller, id: string) {
  return db
    .selectFrom('payments')
    .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
    .innerJoin('patients', 'patients.id', 'appointments.patientId')
    .innerJoin('doctors', 'doctors.id', 'appointments.doctorId')
    .innerJoin('clinics', 'clinics.id', 'appointments.clinicId')
    .innerJoin('visitTypes', 'visitTypes.id', 'appointments.visitTypeId')
    .select([
      'payments.id',
      'payments.amount',
      'payments.currency',
      'payments.method',
      'payments.status',
      'payments.chargedAmount',
      'payments.refundedAmount',
      'appointments.patientId',
      'appointments.startsAt',
      'appointments.timeZone',
      'patients.name as patientName',
      'doctors.name as doctorName',
      'clinics.name as clinicName',
      'clinics.address as clinicAddress',
      'clinics.phone as clinicPhone',
      'visitTypes.name as visitTypeName',
    ])
    .select((eb) =>
      jsonRows(
        eb
          .selectFrom('paymentEntries')
          .select([
            'paymentEntries.kind',
            'paymentEntries.amount',
            'paymentEntries.status',
            'paymentEntries.createdAt',
            'paymentEntries.settledAt',
          ])
          .whereRef('paymentEntries.paymentId', '=', 'payments.id')
          .where('paymentEntries.status', '<>', 'failed')
          .orderBy('paymentEntries.createdAt')
          .orderBy('paymentEntries.id'),
      ).as('entries'),
    )
    .where('payments.id', '=', id)
    .where(visibleAppointments(actor))
    .executeTakeFirst()
}
