import { expressionBuilder, type Kysely, type Transaction } from 'kysely'
import { jsonRows } from '../../database/json'
import type { Database } from '../../database/schema'
import { DAY } from '../local-time'
import { isActiveAppointment, selectSchedules } from '../query-fragments'

/** One clinic, and one of its doctors or all. */
export type AffectedScope = { clinicId: string; doctorId?: string }

/** The same, or one doctor at all clinics. */
export type AffectedVisits = AffectedScope | { clinicId?: undefined; doctorId: string }

/** Active appointments that overlap the span and are not over, by start, with how many there are in all; `until` null is for ever. */
export function listAppointmentsDuring(
  db: Transaction<Database>,
  scope: AffectedVisits,
  { from, until, now, limit }: { from: Date; until: Date | null; now: Date; limit: number },
) {
  return appointmentsAfter(db, scope, from > now ? from : now, now)
    .select(({ fn }) => fn.countAll<number>().over().as('total'))
    .$if(until !== null, (qb) => qb.where('startsAt', '<', until!))
    .limit(limit)
    .execute()
}

/** The same from now on, at clinics where the doctor does not work. */
export function listAtFormerClinics(
  db: Transaction<Database>,
  doctorId: string,
  { now, limit }: { now: Date; limit: number },
) {
  return appointmentsAfter(db, { doctorId }, now, now)
    .select(({ fn }) => fn.countAll<number>().over().as('total'))
    .where('clinicId', 'not in', ({ selectFrom }) =>
      selectFrom('doctorClinics').select('doctorClinics.clinicId').where('doctorClinics.doctorId', '=', doctorId),
    )
    .limit(limit)
    .execute()
}

/** The next active appointments that are not over, by start. */
export function listUpcomingAppointments(db: Transaction<Database>, scope: AffectedScope, now: Date, limit: number) {
  return appointmentsAfter(db, scope, now, now).limit(limit).execute()
}

export type UpcomingAppointment = Awaited<ReturnType<typeof listUpcomingAppointments>>[number]

function appointmentsAfter(db: Transaction<Database>, { clinicId, doctorId }: AffectedVisits, after: Date, now: Date) {
  return (
    db
      .selectFrom('appointments')
      .select(['id', 'status', 'doctorId', 'patientId', 'startsAt', 'endsAt', 'timeZone'])
      .$if(clinicId !== undefined, (qb) => qb.where('clinicId', '=', clinicId!))
      .$if(doctorId !== undefined, (qb) => qb.where('doctorId', '=', doctorId!))
      .where('endsAt', '>', after)
      // Follows from the line above, since no visit is longer than a day, and lets an index begin there.
      .where('startsAt', '>=', new Date(after.getTime() - DAY))
      .where(isActiveAppointment(now))
      .orderBy('startsAt')
      .orderBy('id')
      .$narrowType<{ status: 'held' | 'booked' | 'checked_in' }>()
  )
}

/** The calendars of a clinic's doctors, or of one doctor there, from the local day `since` on. */
export function findClinicCalendars(
  db: Kysely<Database>,
  { clinicId, doctorId, since }: AffectedScope & { since: string },
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

const schedulesSince = (since: string) =>
  selectSchedules().where(({ eb, or }) =>
    or([eb('schedules.validUntil', 'is', null), eb('schedules.validUntil', '>=', since)]),
  )

function exceptionsSince(since: string) {
  return expressionBuilder<Database, 'doctorClinics'>()
    .selectFrom('availabilityExceptions')
    .select(['kind', 'startsAt', 'endsAt'])
    .whereRef('availabilityExceptions.doctorId', '=', 'doctorClinics.doctorId')
    .whereRef('availabilityExceptions.clinicId', '=', 'doctorClinics.clinicId')
    .where('endsAt', '>=', new Date(since))
}
