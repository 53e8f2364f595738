import { expressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import type { Role } from '../auth/tables'
import { jsonRow, jsonRows } from '../database/json'
import { prepared } from '../database/prepared'
import type { Database } from '../database/schema'
import type { Actor } from '../deps'
import { visiblePatients } from '../patients/access'

/** What facts are asked for: a stretch of time somewhat wider than the days or the visit they are about. */
export type FactsSearch = {
  from: Date
  until: Date
  /** The local days that the stretch touches, whatever the zone. */
  fromDay: string
  untilDay: string
  now: Date
  /** An active one of the doctor's; null for the first. */
  visitTypeId: string | null
  /** Whose time has to be free too. */
  patientId: string | null
}

export type VisitTypeLikeness = { name: string; mode: 'in_person' | 'telehealth'; durationMinutes: number }

const VISIT_TYPE = [
  'id',
  'name',
  'durationMinutes',
  'slotIntervalMinutes',
  'bufferBeforeMinutes',
  'bufferAfterMinutes',
  'minimumNoticeMinutes',
  'horizonDays',
  'mode',
  'priceAmount',
  'priceCurrency',
  'cancellationFreeUntilMinutes',
  'cancellationLateRefundPercent',
] as const

/** Everything that decides when these doctors can be booked, in one statement; unknown ids give no row. */
export const findFacts = prepared((db, search: FactsSearch & { doctorIds: string[] }) =>
  selectFacts(db, search, visitTypeWanted(search)).where('doctors.id', '=', anyOf(search.doctorIds)),
)

export type FactsRow = Awaited<ReturnType<typeof findFacts>>[number]

/** The same for one doctor, with the patient if the actor may see them; to be read under the locks of both. */
export async function findBookingFacts(
  db: Transaction<Database>,
  search: FactsSearch & { doctorId: string },
  { role, userId, doctorId }: Actor,
) {
  const [row] = await BOOKING_FACTS[role](db, { ...search, actorUserId: userId, actorDoctorId: doctorId })
  return row
}

/** Each role has its own rule of who is visible, and so its own statement. */
const BOOKING_FACTS = {
  patient: prepareBookingFacts('patient'),
  doctor: prepareBookingFacts('doctor'),
  admin: prepareBookingFacts('admin'),
}

function prepareBookingFacts(role: Role) {
  type Values = FactsSearch & { doctorId: string; actorUserId: string; actorDoctorId: string | undefined }
  return prepared((db, search: Values) => {
    const actor = { role, userId: search.actorUserId, sessionId: '', doctorId: search.actorDoctorId }
    const patient = expressionBuilder<Database, 'doctors'>()
      .selectFrom('patients')
      .select(['patients.id', 'patients.name'])
      .where('patients.id', '=', search.patientId)
      .where(visiblePatients(actor, search.now))
    return selectFacts(db, search, visitTypeWanted(search))
      .select(jsonRow(patient).as('patient'))
      .where('doctors.id', '=', search.doctorId)
  })
}

/** For others of a specialization, those of the clinic first, each with their visit type that is most like another's. */
export function findColleaguesFacts(
  db: Kysely<Database>,
  search: FactsSearch,
  wanted: {
    doctorId: string
    specialization: string
    clinicId: string | null
    verifiedOnly: boolean
    visitType: VisitTypeLikeness
    limit: number
  },
) {
  const { exists, selectFrom } = expressionBuilder<Database, 'doctors'>()
  return selectFacts(db, search, visitTypeLike(wanted.visitType))
    .where(sql`lower(doctors.specialization)`, '=', sql`lower(${wanted.specialization})`)
    .where('doctors.id', '<>', wanted.doctorId)
    .$if(wanted.verifiedOnly, (qb) => qb.where('doctors.verifiedAt', 'is not', null))
    .where(exists(activeVisitTypes()))
    .orderBy(
      exists(
        selectFrom('doctorClinics')
          .select('clinicId')
          .whereRef('doctorId', '=', 'doctors.id')
          .where('clinicId', '=', wanted.clinicId),
      ),
      'desc',
    )
    .orderBy('doctors.name')
    .orderBy('doctors.id')
    .limit(wanted.limit)
    .execute()
}

const anyOf = (ids: string[]) => sql<string>`any(${ids}::uuid[])`

type VisitTypeChoice = ReturnType<typeof activeVisitTypes>

function selectFacts(db: Kysely<Database>, search: FactsSearch, visitType: VisitTypeChoice) {
  return db
    .selectFrom('doctors')
    .select(['doctors.id', 'doctors.name', 'doctors.specialization', 'doctors.verifiedAt'])
    .select([
      jsonRow(visitType).as('visitType'),
      jsonRows(calendarsOfDoctor(search)).as('calendars'),
      jsonRows(occupied(search).whereRef('resourceId', '=', 'doctors.id')).as('busy'),
      jsonRows(occupied(search).where('resourceId', '=', search.patientId)).as('patientBusy'),
    ])
}

function activeVisitTypes() {
  return expressionBuilder<Database, 'doctors'>()
    .selectFrom('visitTypes')
    .select(VISIT_TYPE)
    .whereRef('doctorId', '=', 'doctors.id')
    .where('active', '=', true)
}

const visitTypeWanted = ({ visitTypeId }: FactsSearch): VisitTypeChoice =>
  activeVisitTypes().where('id', '=', sql<string>`coalesce(${visitTypeId}, id)`).orderBy('id').limit(1)

const visitTypeLike = ({ name, mode, durationMinutes }: VisitTypeLikeness): VisitTypeChoice =>
  activeVisitTypes()
    .orderBy(sql`lower(name) = lower(${name})`, 'desc')
    .orderBy(sql`mode = ${mode}`, 'desc')
    .orderBy(sql`abs(duration_minutes - ${durationMinutes})`)
    .orderBy('id')
    .limit(1)

/** Each clinic of the doctor with what opens and closes it there. */
function calendarsOfDoctor({ from, until, fromDay, untilDay }: FactsSearch) {
  const { selectFrom } = expressionBuilder<Database, 'doctorClinics' | 'clinics'>()
  const windows = expressionBuilder<Database, 'schedules'>()
    .selectFrom('scheduleWindows')
    .select(['weekday', 'startTime', 'endTime'])
    .whereRef('scheduleId', '=', 'schedules.id')
  const schedules = selectFrom('schedules')
    .select(['schedules.validFrom', 'schedules.validUntil'])
    .select(jsonRows(windows).as('weekly'))
    .whereRef('schedules.doctorId', '=', 'doctorClinics.doctorId')
    .whereRef('schedules.clinicId', '=', 'doctorClinics.clinicId')
    .where(({ and, eb, or }) =>
      or([
        eb('schedules.validFrom', 'is', null),
        and([eb('schedules.validFrom', '<=', untilDay), eb('schedules.validUntil', '>=', fromDay)]),
      ]),
    )
  const exceptions = selectFrom('availabilityExceptions')
    .select(['kind', 'startsAt', 'endsAt'])
    .whereRef('availabilityExceptions.doctorId', '=', 'doctorClinics.doctorId')
    .whereRef('availabilityExceptions.clinicId', '=', 'doctorClinics.clinicId')
    .where('startsAt', '<', until)
    .where('endsAt', '>', from)
  const closures = selectFrom('clinicClosures')
    .select(['startsOn', 'endsOn'])
    .whereRef('clinicClosures.clinicId', '=', 'doctorClinics.clinicId')
    .where('startsOn', '<=', untilDay)
    .where('endsOn', '>=', fromDay)
  return expressionBuilder<Database, 'doctors'>()
    .selectFrom('doctorClinics')
    .innerJoin('clinics', 'clinics.id', 'doctorClinics.clinicId')
    .select(['clinics.id', 'clinics.name', 'clinics.timeZone'])
    .select([
      jsonRows(schedules).as('schedules'),
      jsonRows(exceptions).as('exceptions'),
      jsonRows(closures).as('closures'),
    ])
    .whereRef('doctorClinics.doctorId', '=', 'doctors.id')
    .orderBy('clinics.id')
}

/** What is taken of anybody in the stretch; a hold that has lapsed takes nothing, even where no job has run yet. */
function occupied({ from, until, now }: FactsSearch) {
  return expressionBuilder<Database, 'doctors'>()
    .selectFrom('occupancy')
    .select([sql<Date>`lower(during)`.as('startsAt'), sql<Date>`upper(during)`.as('endsAt')])
    .where(sql<boolean>`during && tstzrange(${from}, ${until})`)
    .where(({ eb, or }) => or([eb('expiresAt', 'is', null), eb('expiresAt', '>', now)]))
}
