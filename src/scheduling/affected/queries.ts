import { expressionBuilder, type Kysely, type Transaction } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import { DAY } from '../local-time'

export type AppointmentsWanted = {
  clinicId: string
  /** All doctors of the clinic when left out. */
  doctorId?: string
  now: Date
  /** Those that meet this stretch of time only. */
  during?: { from: Date; until: Date }
  limit: number
}

/** Appointments that are not over and take their time, by start, with how many there are in all; lapsed holds take none. */
export function listAppointmentsToCome(
  db: Transaction<Database>,
  { clinicId, doctorId, now, during, limit }: AppointmentsWanted,
) {
  const after = during && during.from > now ? during.from : now
  return (
    db
      .selectFrom('appointments')
      .select(['id', 'status', 'doctorId', 'patientId', 'startsAt', 'endsAt', 'timeZone'])
      .select(({ fn }) => fn.countAll<number>().over().as('total'))
      .where('clinicId', '=', clinicId)
      .$if(doctorId !== undefined, (qb) => qb.where('doctorId', '=', doctorId!))
      .where('endsAt', '>', after)
      // Follows from the line above, since no visit is longer than a day, and lets an index begin there.
      .where('startsAt', '>=', new Date(after.getTime() - DAY))
      .$if(during !== undefined, (qb) => qb.where('startsAt', '<', during!.until))
      .where(({ and, eb, or }) =>
        or([
          eb('status', 'in', ['booked', 'checked_in']),
          and([eb('status', '=', 'held'), eb('holdExpiresAt', '>', now)]),
        ]),
      )
      .orderBy('startsAt')
      .orderBy('id')
      .limit(limit)
      .$narrowType<{ status: 'held' | 'booked' | 'checked_in' }>()
      .execute()
  )
}

/** The calendars at one clinic of its doctors, or of one, as they are from the local day `since` on. */
export function findClinicCalendars(
  db: Kysely<Database>,
  { clinicId, doctorId, since }: { clinicId: string; doctorId?: string; since: string },
) {
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
