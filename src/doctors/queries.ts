import { type Insertable, type Kysely, sql, type Transaction } from 'kysely'
import { isListed } from '../access/doctors'
import { fold } from '../database/folded'
import { jsonRows } from '../database/json'
import { matches, type PeopleSearch } from '../database/people-search'
import { prepared, preparedRow } from '../database/prepared'
import type { Database } from '../database/schema'
import type { DoctorsTable, VisitTypesTable } from './tables'
import { VISIT_TYPE_COLUMNS } from './visit-types/queries'

/** Doctors with their clinics and active visit types, nested, in one statement. */
const doctorsWithDetails = (db: Kysely<Database>) =>
  db
    .selectFrom('doctors')
    .select([
      'doctors.id',
      'doctors.name',
      'specialization',
      'licenseNumber',
      'bio',
      'verifiedAt',
      'disabled',
      'doctors.version',
    ])
    .select((eb) => [
      jsonRows(
        eb
          .selectFrom('doctorClinics')
          .innerJoin('clinics', 'clinics.id', 'doctorClinics.clinicId')
          .whereRef('doctorClinics.doctorId', '=', 'doctors.id')
          .select(['clinics.id', 'clinics.name', 'clinics.timeZone'])
          .orderBy('clinics.name')
          .orderBy('clinics.id'),
      ).as('clinics'),
      jsonRows(
        eb
          .selectFrom('visitTypes')
          .whereRef('visitTypes.doctorId', '=', 'doctors.id')
          .where('visitTypes.active', '=', true)
          .select(VISIT_TYPE_COLUMNS)
          .orderBy('visitTypes.id'),
      ).as('visitTypes'),
    ])

export type DoctorRow = Awaited<ReturnType<typeof listDoctors>>[number]

type DoctorFilter = { specialization?: string; clinicId?: string; verified?: boolean }
type PageArguments = [filter: DoctorFilter, page: { limit: number }, after?: { name: string; id: string }]

/** By name, then id, without doctors whose account is disabled; `after` is the last row of the previous page. */
export const listDoctors = prepared(selectPage, ['verified'])

/** Like `listDoctors`, for doctors with these words in name or specialization. */
export const searchDoctors = (db: Kysely<Database>, search: PeopleSearch, ...page: PageArguments) =>
  selectPage(db, ...page)
    .where(matches('doctors', search))
    .execute()

function selectPage(
  db: Kysely<Database>,
  ...[{ specialization, clinicId, verified }, { limit }, after]: PageArguments
) {
  return doctorsWithDetails(db)
    .where('disabled', '=', false)
    .$if(verified !== undefined, (qb) => qb.where('verifiedAt', verified ? 'is not' : 'is', null))
    .$if(specialization !== undefined, (qb) =>
      qb.where(sql<boolean>`lower(${sql.ref('specialization')}) = lower(${specialization})`),
    )
    .$if(clinicId !== undefined, (qb) =>
      qb.where(({ exists, selectFrom }) =>
        exists(
          selectFrom('doctorClinics')
            .whereRef('doctorClinics.doctorId', '=', 'doctors.id')
            .where('doctorClinics.clinicId', '=', clinicId!)
            .select('doctorClinics.clinicId'),
        ),
      ),
    )
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) =>
        eb(refTuple('doctors.name', 'doctors.id'), '>', tuple(after!.name, after!.id)),
      ),
    )
    .orderBy('doctors.name')
    .orderBy('doctors.id')
    .limit(limit)
}

export const findDoctorById = preparedRow((db, { id }: { id: string }) =>
  doctorsWithDetails(db).where('doctors.id', '=', id),
)

export function findDoctorForUpdate(db: Transaction<Database>, id: string) {
  return db
    .selectFrom('doctors')
    .select(['id', 'userId', 'name', 'specialization', 'verifiedAt', 'version'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
}

type DoctorChanges = Partial<
  Pick<DoctorsTable, 'name' | 'specialization' | 'folded' | 'bio' | 'licenseNumber' | 'verifiedAt'>
>

/** What a search for this doctor compares. */
export const foldDoctor = ({ name, specialization }: Pick<DoctorsTable, 'name' | 'specialization'>) =>
  fold(`${name} ${specialization}`)

export async function updateDoctorRow(db: Transaction<Database>, id: string, changes: DoctorChanges): Promise<void> {
  await db
    .updateTable('doctors')
    .set(changes)
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .execute()
}

export async function updateUserName(db: Transaction<Database>, userId: string, name: string): Promise<void> {
  await db
    .updateTable('users')
    .set({ name, folded: fold(name) })
    .where('id', '=', userId)
    .execute()
}

export async function listKnownClinicIds(db: Kysely<Database>, ids: string[]): Promise<string[]> {
  const rows = await db.selectFrom('clinics').select('id').where(sql<boolean>`id = any(${ids}::uuid[])`).execute()
  return rows.map(({ id }) => id)
}

export async function listClinicIds(db: Kysely<Database>, doctorId: string): Promise<string[]> {
  const rows = await db.selectFrom('doctorClinics').select('clinicId').where('doctorId', '=', doctorId).execute()
  return rows.map(({ clinicId }) => clinicId)
}

/** The clinic if there is exactly one, undefined otherwise. */
export async function findOnlyClinic(db: Kysely<Database>) {
  const clinics = await db.selectFrom('clinics').select(['id', 'currency']).limit(2).execute()
  return clinics.length === 1 ? clinics[0] : undefined
}

/** Inserts the doctor, with one clinic if it is given. */
export async function insertDoctor(db: Transaction<Database>, doctor: Insertable<DoctorsTable>, clinicId?: string) {
  await db
    .insertInto('doctors')
    .values({ ...doctor, folded: foldDoctor(doctor) })
    .execute()
  if (clinicId !== undefined) await db.insertInto('doctorClinics').values({ doctorId: doctor.id, clinicId }).execute()
}

export async function insertFirstVisitType(db: Transaction<Database>, visitType: Insertable<VisitTypesTable>) {
  await db.insertInto('visitTypes').values(visitType).execute()
}

/** Sets the clinics of the doctor; the hours at a removed clinic stay stored. */
export async function replaceDoctorClinics(db: Transaction<Database>, doctorId: string, clinicIds: string[]) {
  await db
    .deleteFrom('doctorClinics')
    .where('doctorId', '=', doctorId)
    .where(sql<boolean>`clinic_id <> all(${clinicIds}::uuid[])`)
    .execute()
  if (clinicIds.length > 0)
    await db
      .insertInto('doctorClinics')
      .values(clinicIds.map((clinicId) => ({ doctorId, clinicId })))
      .onConflict((oc) => oc.doNothing())
      .execute()
}

/** Doctors per specialization, whatever its case; `name` is the most common spelling. */
export function countDoctorsBySpecialization(db: Kysely<Database>, limit: number, verifiedOnly: boolean) {
  return db
    .selectFrom('doctors')
    .select((eb) => [
      sql<string>`mode() within group (order by ${sql.ref('specialization')})`.as('name'),
      eb.fn.countAll<number>().as('doctors'),
    ])
    .where(isListed({ verifiedOnly }))
    .groupBy(sql`lower(${sql.ref('specialization')})`)
    .orderBy(sql`lower(${sql.ref('specialization')})`)
    .limit(limit)
    .execute()
}
