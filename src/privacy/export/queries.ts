import type { Kysely } from 'kysely'
import { jsonRow, jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'

const BATCH = 200

/** All rows in the order of their ids, with one batch in memory at a time. */
async function* inBatches<R extends { id: string }>(
  read: (after: string | undefined, limit: number) => Promise<R[]>,
): AsyncGenerator<R> {
  for (let rows = await read(undefined, BATCH); rows.length > 0; ) {
    yield* rows
    rows = rows.length < BATCH ? [] : await read(rows.at(-1)!.id, BATCH)
  }
}

/** The patient with their account, guardians and wards. */
export function findPatientWithAccount(db: Kysely<Database>, id: string) {
  return db
    .selectFrom('patients')
    .select([
      'patients.id',
      'patients.userId',
      'patients.name',
      'patients.email',
      'patients.phone',
      'patients.dateOfBirth',
      'patients.gender',
      'patients.address',
      'patients.erasedAt',
      'patients.version',
      'patients.createdAt',
    ])
    .select(({ selectFrom }) => [
      jsonRow(
        selectFrom('users')
          .select([
            'users.id',
            'users.email',
            'users.role',
            'users.name',
            'users.phone',
            'users.status',
            'users.createdAt',
          ])
          .whereRef('users.id', '=', 'patients.userId'),
      ).as('account'),
      jsonRows(
        selectFrom('patientGuardians')
          .innerJoin('users', 'users.id', 'patientGuardians.userId')
          .select(['users.id as userId', 'users.name'])
          .whereRef('patientGuardians.patientId', '=', 'patients.id'),
      ).as('guardians'),
      jsonRows(
        selectFrom('patientGuardians')
          .select('patientGuardians.patientId')
          .whereRef('patientGuardians.userId', '=', 'patients.userId'),
      ).as('guardianOf'),
    ])
    .where('patients.id', '=', id)
    .executeTakeFirst()
}

export type PatientWithAccount = NonNullable<Awaited<ReturnType<typeof findPatientWithAccount>>>

export const allSessions = (db: Kysely<Database>, userId: string) =>
  inBatches((after, limit) =>
    db
      .selectFrom('sessions')
      .select([
        'id',
        'createdAt',
        'lastUsedAt',
        'expiresAt',
        'idleExpiresAt',
        'revokedAt',
        'ip',
        'signInNetwork',
        'userAgent',
      ])
      .where('userId', '=', userId)
      .$if(after !== undefined, (qb) => qb.where('id', '>', after!))
      .orderBy('id')
      .limit(limit)
      .execute(),
  )

export const allAppointments = (db: Kysely<Database>, patientId: string) =>
  inBatches((after, limit) =>
    db
      .selectFrom('appointments')
      .innerJoin('doctors', 'doctors.id', 'appointments.doctorId')
      .innerJoin('clinics', 'clinics.id', 'appointments.clinicId')
      .innerJoin('visitTypes', 'visitTypes.id', 'appointments.visitTypeId')
      .select([
        'appointments.id',
        'appointments.status',
        'appointments.doctorId',
        'doctors.name as doctorName',
        'appointments.clinicId',
        'clinics.name as clinicName',
        'appointments.visitTypeId',
        'visitTypes.name as visitTypeName',
        'appointments.startsAt',
        'appointments.endsAt',
        'appointments.originalEndsAt',
        'appointments.date',
        'appointments.timeZone',
        'appointments.mode',
        'appointments.priceAmount',
        'appointments.priceCurrency',
        'appointments.cancellationFreeUntilMinutes',
        'appointments.cancellationLateRefundPercent',
        'appointments.freeUntil',
        'appointments.requiresPrepayment',
        'appointments.reason',
        'appointments.holdExpiresAt',
        'appointments.createdBy',
        'appointments.createdByRole',
        'appointments.accessBasis',
        'appointments.createdAt',
        'appointments.cancelledAt',
        'appointments.cancelledBy',
        'appointments.cancellationReason',
        'appointments.undoneAt',
        'appointments.undoneBy',
        'appointments.undoReason',
        'appointments.version',
      ])
      .where('appointments.patientId', '=', patientId)
      .$if(after !== undefined, (qb) => qb.where('appointments.id', '>', after!))
      .orderBy('appointments.id')
      .limit(limit)
      .execute(),
  )

export const allPayments = (db: Kysely<Database>, patientId: string) =>
  inBatches((after, limit) =>
    db
      .selectFrom('payments')
      .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
      .select([
        'payments.id',
        'payments.appointmentId',
        'payments.amount',
        'payments.currency',
        'payments.method',
        'payments.provider',
        'payments.status',
        'payments.providerRef',
        'payments.failureCode',
        'payments.chargedAmount',
        'payments.refundedAmount',
        'payments.resolution',
        'payments.createdBy',
        'payments.paidAt',
        'payments.createdAt',
      ])
      .where('appointments.patientId', '=', patientId)
      .$if(after !== undefined, (qb) => qb.where('payments.id', '>', after!))
      .orderBy('payments.id')
      .limit(limit)
      .execute(),
  )

export const allPaymentEntries = (db: Kysely<Database>, patientId: string) =>
  inBatches((after, limit) =>
    db
      .selectFrom('paymentEntries')
      .innerJoin('payments', 'payments.id', 'paymentEntries.paymentId')
      .innerJoin('appointments', 'appointments.id', 'payments.appointmentId')
      .select([
        'paymentEntries.id',
        'paymentEntries.paymentId',
        'paymentEntries.kind',
        'paymentEntries.amount',
        'paymentEntries.currency',
        'paymentEntries.status',
        'paymentEntries.provider',
        'paymentEntries.providerRef',
        'paymentEntries.reason',
        'paymentEntries.note',
        'paymentEntries.failureCode',
        'paymentEntries.createdBy',
        'paymentEntries.createdAt',
        'paymentEntries.settledAt',
      ])
      .where('appointments.patientId', '=', patientId)
      .$if(after !== undefined, (qb) => qb.where('paymentEntries.id', '>', after!))
      .orderBy('paymentEntries.id')
      .limit(limit)
      .execute(),
  )

export const allWaitlistEntries = (db: Kysely<Database>, patientId: string) =>
  inBatches((after, limit) =>
    db
      .selectFrom('waitlistEntries')
      .select([
        'id',
        'doctorId',
        'specialization',
        'clinicId',
        'startsOn',
        'endsOn',
        'status',
        'offerId',
        'createdBy',
        'createdByRole',
        'createdAt',
      ])
      .where('patientId', '=', patientId)
      .$if(after !== undefined, (qb) => qb.where('id', '>', after!))
      .orderBy('id')
      .limit(limit)
      .execute(),
  )

export const allEmergencies = (db: Kysely<Database>, patientId: string) =>
  inBatches((after, limit) =>
    db
      .selectFrom('emergencyAccess')
      .innerJoin('doctors', 'doctors.id', 'emergencyAccess.doctorId')
      .select([
        'emergencyAccess.id',
        'emergencyAccess.doctorId',
        'doctors.name as doctorName',
        'emergencyAccess.reason',
        'emergencyAccess.createdAt',
        'emergencyAccess.expiresAt',
        'emergencyAccess.reviewedAt',
        'emergencyAccess.reviewedBy',
      ])
      .where('emergencyAccess.patientId', '=', patientId)
      .$if(after !== undefined, (qb) => qb.where('emergencyAccess.id', '>', after!))
      .orderBy('emergencyAccess.id')
      .limit(limit)
      .execute(),
  )
