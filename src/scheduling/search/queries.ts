import { type Expression, expressionBuilder, type Kysely, type QueryCreator, sql } from 'kysely'
import { preparedRow } from '../../database/prepared'
import type { Database } from '../../database/schema'
import { activeVisitTypes, type FactsSearch, selectFacts, visitTypeWanted, withRooms } from '../query-fragments'

export type DoctorsSearch = Omit<FactsSearch, 'until'> & {
  specialization?: string
  clinicId?: string
  verifiedOnly: boolean
  /** Slots are wanted that start from then on … */
  first: Date
  /** … and before then, as far as the budget reaches. */
  last: Date
  /** Days times doctors that may be read at once; a day is, however many doctors there are. */
  doctorDays: number
}

/**
 * Everything that decides when any doctor of a specialization and clinic can be booked, in one statement. How far it
 * reaches depends on how many they are: nothing is known of starts at or after `until`.
 */
export async function findDoctorsFacts(db: Kysely<Database>, search: DoctorsSearch) {
  return (await selectDoctorsFacts(db, search))!
}

const selectDoctorsFacts = preparedRow((db, search: DoctorsSearch) => {
  const { specialization, clinicId } = search
  const candidates = db
    .selectFrom('doctors')
    .select('doctors.id')
    .where(sql<boolean>`(doctors.verified_at is not null or not ${search.verifiedOnly})`)
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
  const facts = within(search, sql<Date>`${until} + interval '2 days'`)
  // To whom the further tables are none of their business, it is a database like any other.
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
    + make_interval(days => greatest(1, (${doctorDays}::integer / greatest(1, count(*)))::integer)))`

const within = (
  { from, fromDay, untilDay, now, visitTypeId, patientId, moving }: DoctorsSearch,
  until: Expression<Date>,
): FactsSearch => ({ from, until, fromDay, untilDay, now, visitTypeId, patientId, moving })
