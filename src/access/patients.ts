import { type Expression, expressionBuilder, type Kysely, type SqlBool, sql } from 'kysely'
import type { Caller } from '../actor'
import type { Config } from '../config'
import { preparedRow, type Statement } from '../database/prepared'
import type { Database } from '../database/schema'

/** The caller and what decides which patients they see. Every `Context` is a `Viewer`. */
export type Viewer = { actor: Caller; now: Date; config: Pick<Config, 'relationshipDays'> }

/**
 * Condition on `patients`, the only rule of who sees a patient: patients see themselves and their wards, doctors need a
 * treatment relationship or emergency access, admins see all (but no clinical text). `reach` only changes the query
 * plan: for `one` it starts from the patient, for a list of `many` from the doctor. Works inside `prepared`.
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
      return actor.doctorId === undefined ? eb.lit(false) : isVisibleToDoctor(actor.doctorId, viewer, reach)
  }
}

/** Ids of a user of the role `patient` and of their wards. A union of two short lists: the planner expects few rows. */
export function ownPatients(userId: string) {
  const { selectFrom } = expressionBuilder<Database, never>()
  const own = selectFrom('patients').select('id').where('userId', '=', userId)
  const wards = selectFrom('patientGuardians').select('patientId as id').where('userId', '=', userId)
  return own.union(wards)
}

function isVisibleToDoctor(doctorId: string, viewer: Viewer, reach: 'one' | 'many'): Expression<SqlBool> {
  const eb = expressionBuilder<Database, 'patients'>()
  const appointments = relatingAppointments(doctorId, viewer)
  const emergencies = openEmergencyAccess(doctorId, viewer)
  if (reach === 'one')
    return eb.or([
      eb.exists(appointments.whereRef('appointments.patientId', '=', 'patients.id')),
      eb.exists(emergencies.whereRef('emergencyAccess.patientId', '=', 'patients.id')),
    ])
  // An array is computed once. For a join the planner may walk over all patients in order to find a few.
  return sql<SqlBool>`patients.id = any(array(${appointments.unionAll(emergencies)}))`
}

/**
 * Appointments that establish a treatment relationship until RELATIONSHIP_DAYS after their end, or after their original end
 * if the doctor moved them to a later time. An appointment that the doctor made alone counts once it is completed and has
 * ended, and never if it was booked on an emergency.
 */
const relatingAppointments = (doctorId: string, { now, config }: Viewer) => {
  const oldest = sql<Date>`${now}::timestamptz - make_interval(days => ${config.relationshipDays}::integer)`
  return expressionBuilder<Database, 'patients'>()
    .selectFrom('appointments')
    .select('appointments.patientId')
    .where('appointments.doctorId', '=', doctorId)
    .where('appointments.status', 'in', ['booked', 'checked_in', 'completed', 'no_show'])
    .where(({ and, or, eb }) =>
      or([
        eb('appointments.createdByRole', 'in', ['patient', 'admin']),
        and([
          eb('appointments.status', '=', 'completed'),
          eb('appointments.endsAt', '<=', now),
          eb('appointments.accessBasis', '=', 'relationship'),
        ]),
      ]),
    )
    .where('appointments.endsAt', '>', oldest)
    .where('appointments.originalEndsAt', '>', oldest)
}

/**
 * What lets the viewer book for the patient, as an expression for the inserting statement. `emergency` only for a doctor
 * whom nothing but emergency access lets see the patient.
 */
export function accessBasis(
  viewer: Viewer,
  { doctorId, patientId }: { doctorId: string; patientId: string },
): Expression<'relationship' | 'emergency'> {
  const eb = expressionBuilder<Database, 'patients'>()
  if (viewer.actor.role !== 'doctor') return eb.val<'relationship' | 'emergency'>('relationship')
  const relating = relatingAppointments(doctorId, viewer).where('appointments.patientId', '=', patientId)
  return sql`case when ${eb.exists(relating)} then 'relationship' else 'emergency' end`
}

/** A doctor who is no longer verified loses emergency access at once. */
const openEmergencyAccess = (doctorId: string, { now }: Viewer) =>
  expressionBuilder<Database, 'patients'>()
    .selectFrom('emergencyAccess')
    .innerJoin('doctors as opener', 'opener.id', 'emergencyAccess.doctorId')
    .select('emergencyAccess.patientId')
    .where('emergencyAccess.doctorId', '=', doctorId)
    .where('emergencyAccess.expiresAt', '>', now)
    .where('opener.verifiedAt', 'is not', null)

/** A prepared statement whose condition depends on the viewer; returns its first row, or undefined. See `prepared`. */
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
export async function canSeePatient(ctx: Viewer & { db: Kysely<Database> }, patientId: string): Promise<boolean> {
  return (await findVisible(ctx.db, ctx, { patientId })) !== undefined
}
