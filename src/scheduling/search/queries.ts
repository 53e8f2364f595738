import { type Expression, expressionBuilder, type Kysely, type QueryCreator, sql } from 'kysely'
import { isListed } from '../../access/doctors'
import { preparedRow } from '../../database/prepared'
import type { Database } from '../../database/schema'
import { activeVisitTypes, type FactsSearch, selectFacts, visitTypeWanted, withRooms } from '../query-fragments'

export type DoctorsSearch = Omit<FactsSearch, 'until'> & {
  specialization?: string
  clinicId?: string
  verifiedOnly: boolean
  /** The earliest start. */
  first: Date
  /** No start at or after this; the budget of `doctorDays` may end the search before. */
  last: Date
  /** Days times doctors that may be read at once; at least one day is read. */
  doctorDays: number
}

/**
 * The booking facts of all doctors of a specialization and clinic, in one statement. The more doctors, the fewer days: the
 * facts hold for starts before `until`.
 */
export async function findDoctorsFacts(db: Kysely<Database>, search: DoctorsSearch) {
  return (await selectDoctorsFacts(db, search))!
}

const selectDoctorsFacts = preparedRow((db, search: DoctorsSearch) => {
  const { specialization, clinicId } = search
  const candidates = db
    .selectFrom('doctors')
    .select('doctors.id')
    .where(isListed(search))
    .where(({ exists }) => exists(activeVisitTypes()))
    .$if(specialization !== undefined, (qb) =>
      qb.where(sql`lower(doctors.specialization)`, '=', sql`lower(${specialization})`),
    )
    .$if(clinicId !== undefined, (qb) => qb.where('doctors.id', 'in', doctorsOfClinic(clinicId!)))
  const limited = db
    .with(
      (cte) => cte('candidate').materialized(),
      () => candidates,
    )
    .with('reach', (qb) => qb.selectFrom('candidate').select(reachOf(search).as('until')))
  const until = sql<Date>`(select until from reach)`
  const facts = within(search, sql<Date>`${until} + interval '48 hours'`)
  // Hides the extra CTEs from the type: the shared fragments only know `Database`.
  const plain = limited as unknown as QueryCreator<Database>
  const doctors = selectFacts(db, facts, visitTypeWanted(facts)).where(
    'doctors.id',
    'in',
    sql<string>`(select id from candidate)`,
  )
  return withRooms(plain, facts, doctors).select(until.as('until'))
})

const doctorsOfClinic = (clinicId: string) =>
  expressionBuilder<Database, never>()
    .selectFrom('doctorClinics')
    .select('doctorClinics.doctorId')
    .where('doctorClinics.clinicId', '=', clinicId)

const reachOf = ({ first, last, doctorDays }: DoctorsSearch) => sql<Date>`
  least(${last}::timestamptz, ${first}::timestamptz
    + make_interval(hours => 24 * greatest(1, (${doctorDays}::integer / greatest(1, count(*)))::integer)))`

const within = (
  { from, fromDay, untilDay, now, visitTypeId, patientId, moving }: DoctorsSearch,
  until: Expression<Date>,
): FactsSearch => ({ from, until, fromDay, untilDay, now, visitTypeId, patientId, moving })
