import type { Insertable, Kysely, Transaction } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import type { ClinicClosuresTable } from '../tables'

const COLUMNS = [
  'clinicClosures.id',
  'clinicClosures.startsOn',
  'clinicClosures.endsOn',
  'clinicClosures.reason',
] as const

/** The clinic with a page of its closures, newest first; `after` is the last id of the previous page. */
export function findClinicWithClosures(
  db: Kysely<Database>,
  clinicId: string,
  page: { limit: number; after?: string },
) {
  return db
    .selectFrom('clinics')
    .select((eb) => [
      'clinics.id',
      jsonRows(
        eb
          .selectFrom('clinicClosures')
          .select(COLUMNS)
          .whereRef('clinicClosures.clinicId', '=', 'clinics.id')
          .$if(page.after !== undefined, (qb) => qb.where('clinicClosures.id', '<', page.after!))
          .orderBy('clinicClosures.id', 'desc')
          .limit(page.limit),
      ).as('closures'),
    ])
    .where('clinics.id', '=', clinicId)
    .executeTakeFirst()
}

export function findClosure(db: Kysely<Database>, clinicId: string, id: string) {
  return db
    .selectFrom('clinicClosures')
    .select(COLUMNS)
    .where('clinicId', '=', clinicId)
    .where('id', '=', id)
    .executeTakeFirst()
}

/** Counts the closures that end on `day` (a local day of the clinic) or later. */
export async function countClosuresSince(db: Transaction<Database>, clinicId: string, day: string): Promise<number> {
  const { closures } = await db
    .selectFrom('clinicClosures')
    .select(({ fn }) => fn.countAll<number>().as('closures'))
    .where('clinicId', '=', clinicId)
    .where('endsOn', '>=', day)
    .executeTakeFirstOrThrow()
  return closures
}

export async function insertClosure(db: Transaction<Database>, closure: Insertable<ClinicClosuresTable>) {
  await db.insertInto('clinicClosures').values(closure).execute()
}

export function deleteClosureRow(db: Transaction<Database>, clinicId: string, id: string) {
  return db
    .deleteFrom('clinicClosures')
    .where('clinicId', '=', clinicId)
    .where('id', '=', id)
    .returning(COLUMNS)
    .executeTakeFirst()
}
