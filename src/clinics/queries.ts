import type { Kysely, Transaction } from 'kysely'
import { prepared } from '../database/prepared'
import type { Database } from '../database/schema'
import type { ClinicsTable } from './tables'

const COLUMNS = ['id', 'name', 'timeZone', 'currency', 'address', 'phone', 'version', 'createdAt'] as const

/** Newest first; `after` is the last row of the previous page. */
export const listClinics = prepared((db, { limit }: { limit: number }, after?: { createdAt: Date; id: string }) =>
  db
    .selectFrom('clinics')
    .select(COLUMNS)
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) => eb(refTuple('createdAt', 'id'), '<', tuple(after!.createdAt, after!.id))),
    )
    .orderBy('createdAt', 'desc')
    .orderBy('id', 'desc')
    .limit(limit),
)

export function findClinicById(db: Kysely<Database>, id: string) {
  return db.selectFrom('clinics').select(COLUMNS).where('id', '=', id).executeTakeFirst()
}

/** Locks the row against other changes, but not against bookings, which only refer to it. */
export function findClinicForUpdate(db: Transaction<Database>, id: string) {
  return db.selectFrom('clinics').select(COLUMNS).where('id', '=', id).forNoKeyUpdate().executeTakeFirst()
}

export async function listDoctorIds(db: Kysely<Database>, clinicId: string): Promise<string[]> {
  const rows = await db.selectFrom('doctorClinics').select('doctorId').where('clinicId', '=', clinicId).execute()
  return rows.map(({ doctorId }) => doctorId)
}

export type NewClinic = Pick<ClinicsTable, 'id' | 'name' | 'timeZone' | 'currency' | 'address' | 'phone'> & {
  createdAt: Date
}

export function insertClinic(db: Kysely<Database>, clinic: NewClinic) {
  return db.insertInto('clinics').values(clinic).returning(COLUMNS).executeTakeFirstOrThrow()
}

export function updateClinicRow(db: Transaction<Database>, id: string, changes: Partial<Omit<NewClinic, 'id'>>) {
  return db
    .updateTable('clinics')
    .set(changes)
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow()
}
