import { type Kysely, sql, type Transaction } from 'kysely'
import { fold } from '../../database/folded'
import type { Database } from '../../database/schema'
import { isActiveAppointment } from '../../scheduling/query-fragments'

/** Locks the patient's row. */
export function findPatientForErasure(db: Transaction<Database>, id: string) {
  return db
    .selectFrom('patients')
    .select(['id', 'userId', 'erasedAt'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

/** Whether the patient has a booked, checked-in or held appointment that has not ended. */
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

/** Keeps the year of birth, which treatment and statistics need. */
export async function pseudonymisePatient(
  db: Transaction<Database>,
  id: string,
  { name, erasedAt }: { name: string; erasedAt: Date },
): Promise<void> {
  await db
    .updateTable('patients')
    .set({ name, folded: fold(name), email: null, phone: null, address: null, erasedAt })
    .set((eb) => ({
      dateOfBirth: sql<string>`make_date(date_part('year', date_of_birth)::integer, 1, 1)`,
      version: eb('version', '+', 1),
    }))
    .where('id', '=', id)
    .execute()
}

/** Closes the account for good: `passwordHash` must match no password. */
export async function pseudonymiseAccount(
  db: Transaction<Database>,
  userId: string,
  account: { name: string; email: string; passwordHash: string },
): Promise<void> {
  await db
    .updateTable('users')
    .set({ ...account, folded: fold(account.name), phone: null, status: 'disabled' })
    .where('id', '=', userId)
    .execute()
}

/** Keeps the rows of the sessions: from them other copies learn that the sessions have ended. */
export async function clearSessionDevices(db: Transaction<Database>, userId: string): Promise<void> {
  await db
    .updateTable('sessions')
    .set({ ip: null, signInNetwork: null, userAgent: null })
    .where('userId', '=', userId)
    .execute()
}

export async function deleteWaitlistEntries(db: Transaction<Database>, patientId: string): Promise<void> {
  await db.deleteFrom('waitlistEntries').where('patientId', '=', patientId).execute()
}

/** Deletes the patient's guardians and the patient's wards. */
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
 * Deletes stored answers to the patient, and answers to others (admins, guardians) that mention the patient. Keys of
 * requests that are still running have no answer and stay.
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
