import { type Insertable, type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../../database/schema'
import type { EmergencyAccessTable } from '../tables'

/**
 * What decides whether the doctor may open emergency access; read it under the doctor's lock. `nth` is when the doctor
 * opened the `limit`-th newest access, null if there are fewer.
 */
export function findEmergencyFacts(
  db: Transaction<Database>,
  { doctorId, patientId, limit }: { doctorId: string; patientId: string; limit: number },
) {
  return db
    .selectFrom('doctors')
    .innerJoin('users', 'users.id', 'doctors.userId')
    .select(['doctors.verifiedAt', 'users.status'])
    .select(({ exists, lit, selectFrom }) => [
      exists(selectFrom('patients').select(lit(1).as('one')).where('patients.id', '=', patientId)).as('patientExists'),
      selectFrom('emergencyAccess')
        .select('emergencyAccess.createdAt')
        .whereRef('emergencyAccess.doctorId', '=', 'doctors.id')
        // Every access lasts equally long, so this is newest first, in the order of the index.
        .orderBy('emergencyAccess.expiresAt', 'desc')
        .limit(1)
        .offset(limit - 1)
        .as('nth'),
    ])
    .where('doctors.id', '=', doctorId)
    .executeTakeFirst()
}

export async function insertEmergencyAccess(
  db: Transaction<Database>,
  access: Insertable<EmergencyAccessTable>,
): Promise<void> {
  await db.insertInto('emergencyAccess').values(access).execute()
}

export function findEmergencyAccess(db: Kysely<Database>, id: string) {
  return db
    .selectFrom('emergencyAccess')
    .innerJoin('doctors', 'doctors.id', 'emergencyAccess.doctorId')
    .select([
      'emergencyAccess.patientId',
      'emergencyAccess.doctorId',
      'doctors.name as doctorName',
      'emergencyAccess.reason',
      'emergencyAccess.createdAt',
      'emergencyAccess.expiresAt',
      'emergencyAccess.reviewedAt',
      'emergencyAccess.reviewedBy',
    ])
    .where('emergencyAccess.id', '=', id)
    .executeTakeFirst()
}

/** Those of `ids` that an admin has reviewed. */
export function listReviews(db: Kysely<Database>, ids: string[]) {
  return db
    .selectFrom('emergencyAccess')
    .select(['id', 'reviewedAt'])
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('reviewedAt', 'is not', null)
    .$narrowType<{ reviewedAt: Date }>()
    .execute()
}

/** Changes nothing after the first review. */
export async function updateReview(
  db: Transaction<Database>,
  id: string,
  review: { reviewedAt: Date; reviewedBy: string },
): Promise<void> {
  await db.updateTable('emergencyAccess').set(review).where('id', '=', id).where('reviewedAt', 'is', null).execute()
}
