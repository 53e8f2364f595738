import type { Insertable, Kysely, Transaction, Updateable } from 'kysely'
import { preparedForViewer, type Viewer, visiblePatients } from '../access/patients'
import { fold } from '../database/folded'
import { matches, type PeopleSearch } from '../database/people-search'
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

const selectOne = (db: Kysely<Database>, viewer: Viewer, id: string) =>
  db.selectFrom('patients').select(COLUMNS).where('patients.id', '=', id).where(visiblePatients(viewer))

/** Undefined when the patient does not exist or the viewer may not see them. */
export const findVisiblePatient = preparedForViewer((db, viewer, { id }: { id: string }) => selectOne(db, viewer, id))

export function findVisiblePatientForUpdate(db: Transaction<Database>, viewer: Viewer, id: string) {
  return selectOne(db, viewer, id).forUpdate('patients').executeTakeFirst()
}

export type PatientSearch = { search?: PeopleSearch; limit: number; after?: { createdAt: Date; id: string } }

/** Newest first; searches name, email and phone. */
export function searchVisiblePatients(db: Kysely<Database>, viewer: Viewer, { search, limit, after }: PatientSearch) {
  let query = db.selectFrom('patients').select(COLUMNS).where(visiblePatients(viewer, 'many'))
  if (search) query = query.where(matches('patients', search))
  if (after)
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple('patients.createdAt', 'patients.id'), '<', tuple(after.createdAt, after.id)),
    )
  return query.orderBy('patients.createdAt', 'desc').orderBy('patients.id', 'desc').limit(limit).execute()
}

export function insertPatient(db: Kysely<Database>, patient: Insertable<PatientsTable> & { createdAt: Date }) {
  const row = { ...patient, folded: fold(patient.name) }
  return db.insertInto('patients').values(row).returning(COLUMNS).executeTakeFirstOrThrow()
}

/** Also increments the version. */
export function updatePatientRow(db: Transaction<Database>, id: string, changes: Updateable<PatientsTable>) {
  return db
    .updateTable('patients')
    .set({ ...changes, ...(changes.name !== undefined && { folded: fold(changes.name) }) })
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
  const folded = changes.name === undefined ? undefined : fold(changes.name)
  await db
    .updateTable('users')
    .set({ ...changes, folded })
    .where('id', '=', id)
    .execute()
}
