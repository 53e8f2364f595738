import type { Kysely, Transaction } from 'kysely'
import type { Database } from '../../database/schema'

/** Newest accounts first; `after` is the user id of the last row of the page before. */
export function listGuardianRows(
  db: Kysely<Database>,
  patientId: string,
  { limit, after }: { limit: number; after?: string },
) {
  return db
    .selectFrom('patientGuardians')
    .innerJoin('users', 'users.id', 'patientGuardians.userId')
    .select(['patientGuardians.userId', 'users.name'])
    .where('patientGuardians.patientId', '=', patientId)
    .$if(after !== undefined, (qb) => qb.where('patientGuardians.userId', '<', after!))
    .orderBy('patientGuardians.userId', 'desc')
    .limit(limit)
    .execute()
}

/** With the patient to whom the account belongs. */
export function findAccountOfGuardian(db: Transaction<Database>, userId: string) {
  return db
    .selectFrom('users')
    .leftJoin('patients', 'patients.userId', 'users.id')
    .select(['users.id', 'users.name', 'users.role', 'users.status', 'patients.id as patientId'])
    .where('users.id', '=', userId)
    .executeTakeFirst()
}

/** False if the user is a guardian already. */
export async function insertGuardian(db: Transaction<Database>, patientId: string, userId: string): Promise<boolean> {
  const inserted = await db
    .insertInto('patientGuardians')
    .values({ patientId, userId })
    .onConflict((conflict) => conflict.doNothing())
    .returning('userId')
    .executeTakeFirst()
  return inserted !== undefined
}

/** False if the user is no guardian. */
export async function deleteGuardian(db: Transaction<Database>, patientId: string, userId: string): Promise<boolean> {
  const deleted = await db
    .deleteFrom('patientGuardians')
    .where('patientId', '=', patientId)
    .where('userId', '=', userId)
    .returning('userId')
    .executeTakeFirst()
  return deleted !== undefined
}
