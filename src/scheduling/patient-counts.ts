import { expressionBuilder, sql } from 'kysely'
import type { Database } from '../database/schema'
import { isOpenHold } from './query-fragments'

type Search = { now: Date; patientId: string | null }

/** Active holds of a patient, by anybody. */
export const countHolds = ({ now, patientId }: Search) =>
  expressionBuilder<Database, never>()
    .selectFrom('appointments')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('appointments.patientId', '=', patientId)
    .where(isOpenHold(now))
    .$asScalar()
    .$notNull()

/** Visits to come that a patient's account made, with one doctor or with all. */
export const countUpcoming = ({ now, patientId }: Search, doctorId?: string) =>
  expressionBuilder<Database, never>()
    .selectFrom('appointments')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('appointments.patientId', '=', patientId)
    .where('appointments.startsAt', '>', now)
    .where('appointments.createdByRole', '=', sql.lit('patient'))
    .where(({ eb, or }) => or([eb('appointments.status', '=', sql.lit('booked')), isOpenHold(now)]))
    .$if(doctorId !== undefined, (qb) => qb.where('appointments.doctorId', '=', doctorId!))
    .$asScalar()
    .$notNull()
