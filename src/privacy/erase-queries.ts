import { type Kysely, sql, type Transaction } from 'kysely'
import type { Database } from '../database/schema'
import { isActiveAppointment } from '../scheduling/query-fragments'

export function findPatientForErasure(db: Transaction<Database>, id: string) {
  return db
    .selectFrom('patients')
    .select(['id', 'userId', 'erasedAt'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

/** Whether the patient is still expected, or here. */
export async function hasOpenAppointments(db: Kysely<Database>, patientId: string, now: Date): Promise<boolean> {
  const open = await db
    .selectFrom('appointments')
    .select('id')
    .where('patientId', '=', patientId)
    .where('endsAt', '>', now)
    .where(isActiveAppointment(now))
    .limit(1)
    .executeTakeFirst()
  return open !== undefined
}

/** Of the day of birth the year stays, which treatment and statistics go by. */
export async function pseudonymisePatient(
  db: Transaction<Database>,
  id: string,
  { name, erasedAt }: { name: string; erasedAt: Date },
): Promise<void> {
  await db
    .updateTable('patients')
    .set({ name, email: null, phone: null, address: null, erasedAt })
    .set((eb) => ({
      dateOfBirth: sql<string>`date_trunc('year', date_of_birth)::date`,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', id)
    .execute()
}

/** Nobody can sign in with it again: `passwordHash` is the hash of nothing. */
export async function pseudonymiseAccount(
  db: Transaction<Database>,
  userId: string,
  account: { name: string; email: string; passwordHash: string },
): Promise<void> {
  await db
    .updateTable('users')
    .set({ ...account, phone: null, status: 'disabled' })
    .where('id', '=', userId)
    .execute()
}

/** Their rows stay until access tokens of theirs have run out: by them other copies learn that they have ended. */
export async function forgetDevices(db: Transaction<Database>, userId: string): Promise<void> {
  await db.updateTable('sessions').set({ ip: null, userAgent: null }).where('userId', '=', userId).execute()
}

export async function deleteWaitlistEntries(db: Transaction<Database>, patientId: string): Promise<void> {
  await db.deleteFrom('waitlistEntries').where('patientId', '=', patientId).execute()
}

/** Both ways: who was their guardian, and whose guardian they were. */
export async function deleteGuardians(
  db: Transaction<Database>,
  patientId: string,
  userId: string | null,
): Promise<void> {
  await db
    .deleteFrom('patientGuardians')
    .where(({ eb, or }) => or([eb('patientId', '=', patientId), eb('userId', '=', userId)]))
    .execute()
}

/**
 * Stored answers to the patient, and those to others in which the patient stands: an admin's or a guardian's answer holds
 * the same name. What is under way has no answer yet.
 */
export async function deleteStoredAnswers(
  db: Transaction<Database>,
  patientId: string,
  userId: string | null,
): Promise<void> {
  await db
    .deleteFrom('idempotencyKeys')
    .where('status', 'is not', null)
    .where(({ eb, or }) =>
      or([
        eb('userId', '=', userId),
        sql<boolean>`${patientId} = any(patient_ids)`,
        sql<boolean>`position(${patientId} in body) > 0`,
      ]),
    )
    .execute()
}
