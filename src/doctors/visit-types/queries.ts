import type { Insertable, Kysely, Transaction, Updateable } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import type { VisitTypesTable } from '../tables'

/** The columns that `presentVisitType` needs. */
export const VISIT_TYPE_COLUMNS = [
  'visitTypes.id',
  'visitTypes.name',
  'visitTypes.durationMinutes',
  'visitTypes.slotIntervalMinutes',
  'visitTypes.bufferBeforeMinutes',
  'visitTypes.bufferAfterMinutes',
  'visitTypes.mode',
  'visitTypes.priceAmount',
  'visitTypes.priceCurrency',
  'visitTypes.minimumNoticeMinutes',
  'visitTypes.horizonDays',
  'visitTypes.cancellationFreeUntilMinutes',
  'visitTypes.cancellationLateRefundPercent',
  'visitTypes.requiresRoom',
  'visitTypes.requiresPrepayment',
  'visitTypes.active',
] as const

/** The doctor with a page of visit types, newest first (ids are ordered by time); `after` is the last id of the previous page. */
export function findDoctorWithVisitTypes(
  db: Kysely<Database>,
  doctorId: string,
  { inactive, limit, after }: { inactive: boolean; limit: number; after?: string },
) {
  return db
    .selectFrom('doctors')
    .select((eb) => [
      'doctors.id',
      'doctors.verifiedAt',
      'doctors.disabled',
      jsonRows(
        eb
          .selectFrom('visitTypes')
          .whereRef('visitTypes.doctorId', '=', 'doctors.id')
          .$if(!inactive, (qb) => qb.where('visitTypes.active', '=', true))
          .$if(after !== undefined, (qb) => qb.where('visitTypes.id', '<', after!))
          .select(VISIT_TYPE_COLUMNS)
          .orderBy('visitTypes.id', 'desc')
          .limit(limit),
      ).as('visitTypes'),
    ])
    .where('doctors.id', '=', doctorId)
    .executeTakeFirst()
}

/** The visit type, with what decides who may see its doctor. */
export function findVisitType(db: Kysely<Database>, doctorId: string, id: string) {
  return db
    .selectFrom('visitTypes')
    .innerJoin('doctors', 'doctors.id', 'visitTypes.doctorId')
    .select([...VISIT_TYPE_COLUMNS, 'visitTypes.version', 'doctors.verifiedAt', 'doctors.disabled'])
    .where('visitTypes.doctorId', '=', doctorId)
    .where('visitTypes.id', '=', id)
    .executeTakeFirst()
}

/** The currencies of the doctor's clinics and the number of active visit types; undefined when there is no such doctor. */
export function findVisitTypeLimits(db: Transaction<Database>, doctorId: string) {
  return db
    .selectFrom('doctors')
    .select((eb) => [
      jsonRows(
        eb
          .selectFrom('doctorClinics')
          .innerJoin('clinics', 'clinics.id', 'doctorClinics.clinicId')
          .whereRef('doctorClinics.doctorId', '=', 'doctors.id')
          .select('clinics.currency')
          .distinct()
          .orderBy('clinics.currency'),
      ).as('currencies'),
      eb
        .selectFrom('visitTypes')
        .whereRef('visitTypes.doctorId', '=', 'doctors.id')
        .where('visitTypes.active', '=', true)
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .$asScalar()
        .$notNull()
        .as('active'),
    ])
    .where('doctors.id', '=', doctorId)
    .executeTakeFirst()
}

export function insertVisitType(db: Transaction<Database>, visitType: Insertable<VisitTypesTable>) {
  return db
    .insertInto('visitTypes')
    .values(visitType)
    .returning([...VISIT_TYPE_COLUMNS, 'visitTypes.version'])
    .executeTakeFirstOrThrow()
}

export function updateVisitTypeRow(db: Transaction<Database>, id: string, changes: Updateable<VisitTypesTable>) {
  return db
    .updateTable('visitTypes')
    .set(changes)
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning([...VISIT_TYPE_COLUMNS, 'visitTypes.version'])
    .executeTakeFirstOrThrow()
}
