import type { Kysely, Transaction } from 'kysely'
import { violates } from '../../database/constraints'
import { newId } from '../../database/ids'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import { invalid } from '../../errors'
import type { WeeklyWindow } from '../../scheduling/calendar'
import { scheduleWindows, selectSchedules } from '../../scheduling/query-fragments'
import { MAX_EXCEPTIONS } from './exceptions/schemas'

export type AvailabilityRow = NonNullable<Awaited<ReturnType<typeof findAvailability>>>

/** The doctor's clinics with their schedules, and the exceptions; those that ended before the day `since` are left out. */
export function findAvailability(db: Kysely<Database>, doctorId: string, since: string) {
  return db
    .selectFrom('doctors')
    .select((eb) => [
      'doctors.id',
      'doctors.verifiedAt',
      'doctors.disabled',
      'doctors.availabilityVersion as version',
      jsonRows(
        eb
          .selectFrom('doctorClinics')
          .innerJoin('clinics', 'clinics.id', 'doctorClinics.clinicId')
          .whereRef('doctorClinics.doctorId', '=', 'doctors.id')
          .select([
            'clinics.id',
            'clinics.timeZone',
            jsonRows(
              selectSchedules(scheduleWindows().orderBy('weekday').orderBy('startTime'))
                .where(({ eb, or }) => or([eb('validUntil', 'is', null), eb('validUntil', '>=', since)]))
                .orderBy('validFrom', (order) => order.asc().nullsFirst()),
            ).as('schedules'),
          ])
          .orderBy('clinics.name')
          .orderBy('clinics.id'),
      ).as('clinics'),
      jsonRows(
        eb
          .selectFrom('availabilityExceptions')
          .whereRef('availabilityExceptions.doctorId', '=', 'doctors.id')
          .where('endsAt', '>', new Date(since))
          .select(['availabilityExceptions.id', 'clinicId', 'startsAt', 'endsAt', 'kind', 'note'])
          .orderBy('startsAt')
          .orderBy('availabilityExceptions.id')
          .limit(MAX_EXCEPTIONS),
      ).as('exceptions'),
    ])
    .where('doctors.id', '=', doctorId)
    .executeTakeFirst()
}

/** A dated schedule, or with both dates null the standing week. */
export type SchedulePeriod = { doctorId: string; clinicId: string; validFrom: string | null; validUntil: string | null }

/**
 * Replaces the hours of exactly this period, or adds the period. Throws 422 when it overlaps another dated schedule of the
 * doctor at this clinic.
 */
export async function replaceSchedule(db: Transaction<Database>, period: SchedulePeriod, weekly: WeeklyWindow[]) {
  const known = await schedulesOf(db, period).select('id').executeTakeFirst()
  const scheduleId = known?.id ?? (await insertSchedule(db, period))
  await db.deleteFrom('scheduleWindows').where('scheduleId', '=', scheduleId).execute()
  if (weekly.length > 0)
    await db
      .insertInto('scheduleWindows')
      .values(weekly.map(({ weekday, start, end }) => ({ scheduleId, weekday, startTime: start, endTime: end })))
      .execute()
}

/** Deletes its windows too. */
export async function deleteSchedule(db: Transaction<Database>, period: SchedulePeriod): Promise<void> {
  await db.deleteFrom('schedules').where('id', 'in', schedulesOf(db, period).select('id')).execute()
}

function schedulesOf(db: Transaction<Database>, { doctorId, clinicId, validFrom, validUntil }: SchedulePeriod) {
  return db
    .selectFrom('schedules')
    .where('doctorId', '=', doctorId)
    .where('clinicId', '=', clinicId)
    .where('validFrom', 'is not distinct from', validFrom)
    .where('validUntil', 'is not distinct from', validUntil)
}

async function insertSchedule(db: Transaction<Database>, period: SchedulePeriod): Promise<string> {
  const id = newId()
  try {
    await db
      .insertInto('schedules')
      .values({ id, ...period })
      .execute()
  } catch (error) {
    if (violates(error, 'schedules_dated_no_overlap'))
      throw invalid('validFrom', 'must not overlap another dated schedule; send exactly its dates to replace it')
    throw error
  }
  return id
}

/** To be called after every change of the doctor's schedules or exceptions: it is the ETag of both. */
export async function raiseAvailabilityVersion(db: Transaction<Database>, doctorId: string): Promise<void> {
  await db
    .updateTable('doctors')
    .set((eb) => ({ availabilityVersion: eb('availabilityVersion', '+', 1) }))
    .where('id', '=', doctorId)
    .execute()
}
