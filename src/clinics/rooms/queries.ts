import type { Kysely, Transaction } from 'kysely'
import { violates } from '../../database/constraints'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import { AppError } from '../../errors'

/** The clinic with a page of its rooms in use, newest first; `after` is the last id of the previous page. */
export function findClinicWithRooms(db: Kysely<Database>, clinicId: string, page: { limit: number; after?: string }) {
  return db
    .selectFrom('clinics')
    .select((eb) => [
      'clinics.id',
      jsonRows(
        eb
          .selectFrom('rooms')
          .select(['rooms.id', 'rooms.name'])
          .whereRef('rooms.clinicId', '=', 'clinics.id')
          .where('rooms.retiredAt', 'is', null)
          .$if(page.after !== undefined, (qb) => qb.where('rooms.id', '<', page.after!))
          .orderBy('rooms.id', 'desc')
          .limit(page.limit),
      ).as('rooms'),
    ])
    .where('clinics.id', '=', clinicId)
    .executeTakeFirst()
}

export function findRoom(db: Kysely<Database>, clinicId: string, id: string) {
  return db
    .selectFrom('rooms')
    .select(['id', 'name'])
    .where('clinicId', '=', clinicId)
    .where('id', '=', id)
    .where('retiredAt', 'is', null)
    .executeTakeFirst()
}

/** Counts the rooms in use; undefined when there is no such clinic. */
export function countRooms(db: Transaction<Database>, clinicId: string) {
  return db
    .selectFrom('clinics')
    .leftJoin('rooms', (join) => join.onRef('rooms.clinicId', '=', 'clinics.id').on('rooms.retiredAt', 'is', null))
    .select(({ fn }) => fn.count<number>('rooms.id').as('rooms'))
    .where('clinics.id', '=', clinicId)
    .groupBy('clinics.id')
    .executeTakeFirst()
}

/** Throws invalid_state when another room of the clinic has the name. */
export async function insertRoom(
  db: Transaction<Database>,
  room: { id: string; clinicId: string; name: string; createdAt: Date },
): Promise<void> {
  await refuseTakenName(db.insertInto('rooms').values(room).execute())
}

/** Throws invalid_state when another room of the clinic has the name. */
export function updateRoomRow(db: Transaction<Database>, id: string, changes: { name?: string }) {
  return refuseTakenName(
    db.updateTable('rooms').set(changes).where('id', '=', id).returning(['id', 'name']).executeTakeFirstOrThrow(),
  )
}

async function refuseTakenName<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing
  } catch (error) {
    if (violates(error, 'rooms_name_key'))
      throw new AppError('invalid_state', 'The clinic already has a room with this name. Choose another name.')
    throw error
  }
}

/** Undefined when the clinic has no such room in use. */
export function retireRoomRow(db: Transaction<Database>, clinicId: string, id: string, retiredAt: Date) {
  return db
    .updateTable('rooms')
    .set({ retiredAt })
    .where('clinicId', '=', clinicId)
    .where('id', '=', id)
    .where('retiredAt', 'is', null)
    .returning('id')
    .executeTakeFirst()
}
