import { type Insertable, type Kysely, sql, type Transaction, type Updateable } from 'kysely'
import { preparedForViewer, type Viewer, visiblePatients } from '../access/patients'
import type { Database } from '../database/schema'
import type { PatientsTable } from './tables'

const COLUMNS = [
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
] as const

/** Must be exactly the expression of the index `patients_search`, or PostgreSQL does not use the index. */
const SEARCHED = sql<string>`(patients.name || ' ' || coalesce(patients.email, '') || ' ' || coalesce(patients.phone, ''))`

const containing = (word: string) => `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`

const selectOne = (db: Kysely<Database>, viewer: Viewer, id: string) =>
  db.selectFrom('patients').select(COLUMNS).where('patients.id', '=', id).where(visiblePatients(viewer))

/** Undefined when the patient does not exist or the viewer may not see them. */
export const findVisiblePatient = preparedForViewer((db, viewer, { id }: { id: string }) => selectOne(db, viewer, id))

export function findVisiblePatientForUpdate(db: Transaction<Database>, viewer: Viewer, id: string) {
  return selectOne(db, viewer, id).forUpdate('patients').executeTakeFirst()
}

export type PatientSearch = { words: string[]; limit: number; after?: { createdAt: Date; id: string } }

/** Newest first; every word must occur somewhere in name, email or phone, in any case. */
export function searchVisiblePatients(db: Kysely<Database>, viewer: Viewer, { words, limit, after }: PatientSearch) {
  let query = db.selectFrom('patients').select(COLUMNS).where(visiblePatients(viewer, 'many'))
  for (const word of words) query = query.where(SEARCHED, 'ilike', containing(word))
  if (after)
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('patients.createdAt', 'patients.id'), '<', tuple(after.createdAt, after.id)),
    )
  return query.orderBy('patients.createdAt', 'desc').orderBy('patients.id', 'desc').limit(limit).execute()
}

export function insertPatient(db: Kysely<Database>, patient: Insertable<PatientsTable> & { createdAt: Date }) {
  return db.insertInto('patients').values(patient).returning(COLUMNS).executeTakeFirstOrThrow()
}

/** Also increments the version. */
export function updatePatientRow(db: Transaction<Database>, id: string, changes: Updateable<PatientsTable>) {
  return db
    .updateTable('patients')
    .set(changes)
    .set((eb) => ({ version: eb('patients.version', '+', 1) }))
    .where('patients.id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
}

/** Copies a changed name or phone to the patient's account. The account's email is for signing in and stays. */
export async function updateAccount(
  db: Transaction<Database>,
  id: string,
  changes: { name?: string; phone?: string | null },
) {
  await db.updateTable('users').set(changes).where('id', '=', id).execute()
}
