import { type Expression, expressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { Caller } from '../actor'
import type { Config } from '../config'
import { preparedRow, type Statement } from '../database/prepared'
import type { Database } from '../database/schema'
import type { Context } from '../deps'

/** Who looks, and when; every Context is one. */
export type Viewer = { actor: Caller; now: Date; config: Pick<Config, 'relationshipDays'> }

/**
 * The one rule of who may see a patient, as a condition on the table `patients` under that name: patients see themselves
 * and those they are guardians of, doctors the patients related to them and those they have emergency access to, admins
 * everybody (but no clinical text). `reach` does not change what it says: for `one` it starts from the patient, for a list
 * of `many` from the doctor. Fit for `prepared`: it hands the viewer's values on as they are.
 */
export function visiblePatients(viewer: Viewer, reach: 'one' | 'many' = 'one'): Expression<SqlBool> {
  const { actor } = viewer
  const eb = expressionBuilder<Database, 'patients'>()
  switch (actor.role) {
    case 'admin':
      return eb.lit(true)
    case 'patient':
      return eb('patients.id', 'in', ownPatients(actor.userId))
    case 'doctor':
      return actor.doctorId === undefined ? eb.lit(false) : isOpenTo(actor.doctorId, viewer, reach)
  }
}

/**
 * Ids of the patients whose data a user of the role `patient` may use: their own and those of their wards. A set of few
 * ids, as the planner can tell from it.
 */
export function ownPatients(userId: string) {
  const { selectFrom } = expressionBuilder<Database, never>()
  const own = selectFrom('patients').select('id').where('userId', '=', userId)
  const wards = selectFrom('patientGuardians').select('patientId as id').where('userId', '=', userId)
  return own.union(wards)
}

function isOpenTo(doctorId: string, viewer: Viewer, reach: 'one' | 'many'): Expression<SqlBool> {
  const eb = expressionBuilder<Database, 'patients'>()
  const appointments = relatingAppointments(doctorId, viewer)
  const emergencies = openEmergencies(doctorId, viewer)
  if (reach === 'one')
    return eb.or([
      eb.exists(appointments.whereRef('appointments.patientId', '=', 'patients.id')),
      eb.exists(emergencies.whereRef('emergencyAccess.patientId', '=', 'patients.id')),
    ])
  // An array is read once; a join might be planned as a walk over all patients, in order, in search of a few.
  return sql<SqlBool>`patients.id = any(array(${appointments.unionAll(emergencies)}))`
}

/** Those that took or take place; one that the doctor made alone proves nothing until it is completed. */
const relatingAppointments = (doctorId: string, { now, config }: Viewer) =>
  expressionBuilder<Database, 'patients'>()
    .selectFrom('appointments')
    .select('appointments.patientId')
    .where('appointments.doctorId', '=', doctorId)
    .where('appointments.status', 'in', ['booked', 'checked_in', 'completed', 'no_show'])
    .where(({ or, eb }) =>
      or([eb('appointments.createdByRole', 'in', ['patient', 'admin']), eb('appointments.status', '=', 'completed')]),
    )
    .where(
      'appointments.endsAt',
      '>',
      sql<Date>`${now}::timestamptz - make_interval(days => ${config.relationshipDays}::integer)`,
    )

/** A doctor who is not verified any more loses them at once. */
const openEmergencies = (doctorId: string, { now }: Viewer) =>
  expressionBuilder<Database, 'patients'>()
    .selectFrom('emergencyAccess')
    .innerJoin('doctors as opener', 'opener.id', 'emergencyAccess.doctorId')
    .select('emergencyAccess.patientId')
    .where('emergencyAccess.doctorId', '=', doctorId)
    .where('emergencyAccess.expiresAt', '>', now)
    .where('opener.verifiedAt', 'is not', null)

/** A prepared statement that gives one row where the viewer may see the patient, else none; see `prepared`. */
export function preparedForViewer<V extends Record<string, unknown>, O>(
  build: (db: Kysely<Database>, viewer: Viewer, values: V) => Statement<O>,
): (db: Kysely<Database>, viewer: Viewer, values: V) => Promise<O | undefined> {
  const run = preparedRow(
    (db, actor: Caller, { now }: Pick<Viewer, 'now'>, config: Viewer['config'], values: V) =>
      build(db, { actor, now, config }, values),
    ['role'],
  )
  return (db, { actor, now, config: { relationshipDays } }, values) =>
    run(db, actor, { now }, { relationshipDays }, values)
}

const findVisible = preparedForViewer((db, viewer, { patientId }: { patientId: string }) =>
  db.selectFrom('patients').select('patients.id').where('patients.id', '=', patientId).where(visiblePatients(viewer)),
)

/** Whether the patient exists and the caller may see them. */
export async function canSeePatient(ctx: Viewer & Pick<Context, 'db'>, patientId: string): Promise<boolean> {
  return (await findVisible(ctx.db, ctx, { patientId })) !== undefined
}
