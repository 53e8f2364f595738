import { expressionBuilder, type Kysely, type Transaction } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import { DAY } from '../local-time'

/** At one clinic, of one doctor or of all. */
export type Whose = { clinicId: string; doctorId?: string }

/** Appointments that meet a stretch of time, are not over and take their time, by start, with how many there are in all. */
export function listAppointmentsDuring(
  db: Transaction<Database>,
  whose: Whose,
  { from, until, now, limit }: { from: Date; until: Date; now: Date; limit: number },
) {
  return appointmentsAfter(db, whose, from > now ? from : now, now)
    .select(({ fn }) => fn.countAll<number>().over().as('total'))
    .where('startsAt', '<', until)
    .limit(limit)
    .execute()
}

/** The next appointments that are not over and take their time, by start. */
export function listAppointmentsToCome(db: Transaction<Database>, whose: Whose, now: Date, limit: number) {
  return appointmentsAfter(db, whose, now, now).limit(limit).execute()
}

export type AppointmentToCome = Awaited<ReturnType<typeof listAppointmentsToCome>>[number]

/** A hold that has lapsed takes nothing, even where no job has run yet. */
function appointmentsAfter(db: Transaction<Database>, { clinicId, doctorId }: Whose, after: Date, now: Date) {
  return (
    db
      .selectFrom('appointments')
      .select(['id', 'status', 'doctorId', 'patientId', 'startsAt', 'endsAt', 'timeZone'])
      .where('clinicId', '=', clinicId)
      .$if(doctorId !== undefined, (qb) => qb.where('doctorId', '=', doctorId!))
      .where('endsAt', '>', after)
      // Follows from the line above, since no visit is longer than a day, and lets an index begin there.
      .where('startsAt', '>=', new Date(after.getTime() - DAY))
      .where(({ and, eb, or }) =>
        or([
          eb('status', 'in', ['booked', 'checked_in']),
          and([eb('status', '=', 'held'), eb('holdExpiresAt', '>', now)]),
        ]),
      )
      .orderBy('startsAt')
      .orderBy('id')
      .$narrowType<{ status: 'held' | 'booked' | 'checked_in' }>()
  )
}

/** The calendars at one clinic of its doctors, or of one, as they are from the local day `since` on. */
export function findClinicCalendars(db: Kysely<Database>, { clinicId, doctorId, since }: Whose & { since: string }) {
  const ofClinic = expressionBuilder<Database, 'clinics'>()
  return db
    .selectFrom('clinics')
    .select(['clinics.id', 'clinics.timeZone'])
    .select([
      jsonRows(
        ofClinic
          .selectFrom('clinicClosures')
          .select(['startsOn', 'endsOn'])
          .whereRef('clinicClosures.clinicId', '=', 'clinics.id')
          .where('endsOn', '>=', since),
      ).as('closures'),
      jsonRows(
        ofClinic
          .selectFrom('doctorClinics')
          .select('doctorClinics.doctorId')
          .select([jsonRows(schedulesSince(since)).as('schedules'), jsonRows(exceptionsSince(since)).as('exceptions')])
          .whereRef('doctorClinics.clinicId', '=', 'clinics.id')
          .$if(doctorId !== undefined, (qb) => qb.where('doctorClinics.doctorId', '=', doctorId!)),
      ).as('doctors'),
    ])
    .where('clinics.id', '=', clinicId)
    .executeTakeFirstOrThrow()
}

function schedulesSince(since: string) {
  const windows = expressionBuilder<Database, 'schedules'>()
    .selectFrom('scheduleWindows')
    .select(['weekday', 'startTime', 'endTime'])
    .whereRef('scheduleId', '=', 'schedules.id')
  return expressionBuilder<Database, 'doctorClinics'>()
    .selectFrom('schedules')
    .select(['schedules.validFrom', 'schedules.validUntil', jsonRows(windows).as('weekly')])
    .whereRef('schedules.doctorId', '=', 'doctorClinics.doctorId')
    .whereRef('schedules.clinicId', '=', 'doctorClinics.clinicId')
    .where(({ eb, or }) => or([eb('schedules.validUntil', 'is', null), eb('schedules.validUntil', '>=', since)]))
}

function exceptionsSince(since: string) {
  return expressionBuilder<Database, 'doctorClinics'>()
    .selectFrom('availabilityExceptions')
    .select(['kind', 'startsAt', 'endsAt'])
    .whereRef('availabilityExceptions.doctorId', '=', 'doctorClinics.doctorId')
    .whereRef('availabilityExceptions.clinicId', '=', 'doctorClinics.clinicId')
    .where('endsAt', '>=', new Date(since))
}
