import type { Insertable, Kysely, Transaction } from 'kysely'
import type { Database } from '../../../database/schema'
import type { AvailabilityExceptionsTable } from '../../tables'

const COLUMNS = ['id', 'doctorId', 'clinicId', 'startsAt', 'endsAt', 'kind', 'note'] as const

export function findException(db: Kysely<Database>, id: string) {
  return db.selectFrom('availabilityExceptions').select(COLUMNS).where('id', '=', id).executeTakeFirst()
}

export type ExceptionRow = NonNullable<Awaited<ReturnType<typeof findException>>>

export function insertException(db: Transaction<Database>, exception: Insertable<AvailabilityExceptionsTable>) {
  return db.insertInto('availabilityExceptions').values(exception).returning(COLUMNS).executeTakeFirstOrThrow()
}

/** Undefined when it no longer exists. */
export function deleteExceptionRow(db: Transaction<Database>, id: string) {
  return db.deleteFrom('availabilityExceptions').where('id', '=', id).returning('id').executeTakeFirst()
}
