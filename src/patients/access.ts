import { type Expression, expressionBuilder, type SqlBool, sql } from 'kysely'
import type { Database } from '../database/schema'
import type { Actor, Context } from '../deps'

/** How long after an appointment has ended it still relates its doctor to its patient. */
const RELATED_FOR = sql`interval '365 days'`

/**
 * The one rule of who may see a patient, as a condition on the table `patients` under that name: patients see themselves
 * and those they are guardians of, doctors the patients related to them, admins everybody (but no clinical text).
 * `reach` does not change what it says: for `one` it starts from the patient, for a list of `many` from the doctor.
 */
export function visiblePatients(actor: Actor, now: Date, reach: 'one' | 'many' = 'one'): Expression<SqlBool> {
  const eb = expressionBuilder<Database, 'patients'>()
  switch (actor.role) {
    case 'admin':
      return eb.lit(true)
    case 'patient':
      return eb.or([eb('patients.userId', '=', actor.userId), isWardOf(actor.userId)])
    case 'doctor':
      // Emergency access is a second way in, to be or-ed here.
      return actor.doctorId === undefined ? eb.lit(false) : isRelatedTo(actor.doctorId, now, reach)
  }
}

function isWardOf(userId: string) {
  const eb = expressionBuilder<Database, 'patients'>()
  return eb.exists(
    eb
      .selectFrom('patientGuardians')
      .select(eb.lit(1).as('one'))
      .whereRef('patientGuardians.patientId', '=', 'patients.id')
      .where('patientGuardians.userId', '=', userId),
  )
}

function isRelatedTo(doctorId: string, now: Date, reach: 'one' | 'many'): Expression<SqlBool> {
  const eb = expressionBuilder<Database, 'patients'>()
  const appointments = relatingAppointments(doctorId, now)
  if (reach === 'one') return eb.exists(appointments.whereRef('appointments.patientId', '=', 'patients.id'))
  // An array is read once; a join might be planned as a walk over all patients, in order, in search of a few.
  return sql<SqlBool>`patients.id = any(array(${appointments}))`
}

/** Those that took or take place; one that the doctor made alone proves nothing until it is completed. */
const relatingAppointments = (doctorId: string, now: Date) =>
  expressionBuilder<Database, 'patients'>()
    .selectFrom('appointments')
    .select('appointments.patientId')
    .where('appointments.doctorId', '=', doctorId)
    .where('appointments.status', 'in', ['booked', 'checked_in', 'completed', 'no_show'])
    .where(({ or, eb }) =>
      or([eb('appointments.createdByRole', 'in', ['patient', 'admin']), eb('appointments.status', '=', 'completed')]),
    )
    .where('appointments.endsAt', '>', sql<Date>`${now}::timestamptz - ${RELATED_FOR}`)

/** Whether the patient exists and the caller may see them. */
export async function canSeePatient({ db, actor, now }: Pick<Context, 'db' | 'actor' | 'now'>, patientId: string) {
  const seen = await db
    .selectFrom('patients')
    .select('patients.id')
    .where('patients.id', '=', patientId)
    .where(visiblePatients(actor, now))
    .executeTakeFirst()
  return seen !== undefined
}
