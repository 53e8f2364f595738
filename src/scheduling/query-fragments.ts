import { type Expression, expressionBuilder, type QueryCreator, sql } from 'kysely'
import { jsonRow, jsonRows } from '../database/json'
import type { Database } from '../database/schema'

/** What facts are asked for: a stretch of time somewhat wider than the days or the visit they are about. */
export type FactsSearch = {
  from: Date
  until: Instant
  /** The local days that the stretch touches, whatever the zone. */
  fromDay: string
  untilDay: string
  now: Date
  /** An active one of the doctor's; null for the first. */
  visitTypeId: string | null
  /** Whose time has to be free too. */
  patientId: string | null
  /** The appointment that is to be moved: its own time counts as free, and its visit type may be out of use. */
  moving: string | null
}

export type CalendarStretch = Pick<FactsSearch, 'from' | 'until' | 'fromDay' | 'untilDay'>

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
  'requiresRoom',
  'requiresPrepayment',
] as const

type Instant = Date | Expression<Date>
type OccupiedSearch = { from: Instant; until: Instant; now: Instant; moving?: string | null }

export type BookingSearch = FactsSearch & { doctorId: string }

type VisitTypeChoice = ReturnType<typeof activeVisitTypes>

/**
 * What is asked of one doctor: a row per doctor, for the caller to say which. What opens and closes the clinics may be told
 * for longer than what is taken.
 */
export function selectFacts(
  db: QueryCreator<Database>,
  search: FactsSearch,
  visitType: VisitTypeChoice,
  calendarStretch: CalendarStretch = search,
) {
  return db
    .selectFrom('doctors')
    .select(['doctors.id', 'doctors.name', 'doctors.specialization'])
    .select([sql<boolean>`doctors.verified_at is not null`.as('isVerified')])
    .select([
      jsonRow(visitType).as('visitType'),
      jsonRows(calendarsOfDoctor(calendarStretch)).as('calendars'),
      occupied(search, sql.ref('doctors.id')).as('busy'),
      occupied(search, sql`${search.patientId}::uuid`).as('patientBusy'),
    ])
}

function visitTypesOfDoctor() {
  return expressionBuilder<Database, 'doctors'>()
    .selectFrom('visitTypes')
    .select(VISIT_TYPE)
    .whereRef('doctorId', '=', 'doctors.id')
}

export const activeVisitTypes = () => visitTypesOfDoctor().where('active', '=', true)

export const visitTypeWanted = ({ visitTypeId, moving }: FactsSearch): VisitTypeChoice =>
  visitTypesOfDoctor()
    .where(sql<boolean>`(active or ${moving}::uuid is not null)`)
    .where('id', '=', sql<string>`coalesce(${visitTypeId}, id)`)
    .orderBy('id')
    .limit(1)

export const visitTypeLike = ({ name, mode, durationMinutes }: VisitTypeLikeness): VisitTypeChoice =>
  activeVisitTypes()
    .orderBy(sql`lower(name) = lower(${name})`, 'desc')
    .orderBy(sql`mode = ${mode}`, 'desc')
    .orderBy(sql`abs(duration_minutes - ${durationMinutes})`)
    .orderBy('id')
    .limit(1)

/** Each clinic of the doctor with what opens and closes it there. */
function calendarsOfDoctor({ from, until, fromDay, untilDay }: CalendarStretch) {
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

/**
 * What is taken of somebody in the stretch, as starts and ends in epoch ms: so many that instants in words would take most
 * of the time. A hold that has lapsed takes nothing, even where no job has run yet.
 */
export function occupied({ from, until, now, moving = null }: OccupiedSearch, resourceId: Expression<string | null>) {
  return sql<{ starts: number[]; ends: number[] }>`(
    select json_build_object(
      'starts', coalesce(array_agg((date_part('epoch', lower(during)) * 1000)::bigint), '{}'),
      'ends', coalesce(array_agg((date_part('epoch', upper(during)) * 1000)::bigint), '{}')
    )
    from occupancy
    where resource_id = ${resourceId}
      and during && tstzrange(${from}, ${until})
      and (expires_at is null or expires_at > ${now})
      and appointment_id is distinct from ${moving}::uuid)`
}

/** Another text after each change of what `selectFacts` tells, but for what is taken; null for an unknown doctor. */
export const calendarVersion = (doctorId: Expression<string>) => sql<string | null>`(
  select doctors.calendar_version || coalesce(string_agg(clinics.calendar_version::text, '' order by clinics.id), '')
  from doctors
    left join doctor_clinics on doctor_clinics.doctor_id = doctors.id
    left join clinics on clinics.id = doctor_clinics.clinic_id
  where doctors.id = ${doctorId}
  group by doctors.id)`

/** Lapsed holds in the stretch that a booking may find in its way: of the doctor, the patient or any room. */
export function lapsed({ from, until, now, patientId, doctorId, moving }: BookingSearch) {
  return expressionBuilder<Database, never>()
    .selectFrom('occupancy')
    .select(['appointmentId', 'resourceId'])
    .select([sql<Date>`lower(during)`.as('startsAt'), sql<Date>`upper(during)`.as('endsAt')])
    .where('expiresAt', '<=', now)
    .where(sql<boolean>`during && tstzrange(${from}, ${until})`)
    .where(({ eb, or }) =>
      or([eb('resourceId', '=', doctorId), eb('resourceId', '=', patientId), eb('kind', '=', 'room')]),
    )
    .where(sql<boolean>`appointment_id is distinct from ${moving}::uuid`)
}

/** Appointments of the doctor in the stretch that may take their time, without their buffers. */
export const visitsOfDoctor = ({ from, until, doctorId }: BookingSearch) =>
  expressionBuilder<Database, never>()
    .selectFrom('appointments')
    .select(['startsAt', 'endsAt'])
    .where('doctorId', '=', doctorId)
    .where('startsAt', '<', until)
    .where('startsAt', '>', from)
    .where('status', 'not in', ['cancelled', 'expired'])

export const activeHolds = ({ now, patientId }: FactsSearch) =>
  expressionBuilder<Database, never>()
    .selectFrom('appointments')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('appointments.patientId', '=', patientId)
    .where('appointments.status', '=', 'held')
    .where('appointments.holdExpiresAt', '>', now)
    .$asScalar()
    .$notNull()

/** Whether the appointment to be moved has a room, and so needs one again; null where none is to be moved. */
export const roomOfMoving = ({ moving }: Pick<FactsSearch, 'moving'>) =>
  sql<boolean | null>`(select room_id is not null from appointments where id = ${moving})`

/** Doctors with, beside them, the rooms of all clinics where one of them needs a room, so that each room is told once. */
export function withRooms(db: QueryCreator<Database>, search: FactsSearch, doctors: ReturnType<typeof selectFacts>) {
  return db
    .with('doctor', () => doctors)
    .selectNoFrom(({ selectFrom }) => [
      jsonRows(
        selectFrom('doctor').select([
          'doctor.id',
          'doctor.name',
          'doctor.specialization',
          'doctor.isVerified',
          'doctor.visitType',
          'doctor.calendars',
          'doctor.busy',
          'doctor.patientBusy',
        ]),
      ).as('doctors'),
      jsonRows(
        selectRooms(search).where(
          'rooms.clinicId',
          'in',
          selectFrom('doctorClinics')
            .innerJoin('doctor', 'doctor.id', 'doctorClinics.doctorId')
            .select('doctorClinics.clinicId')
            .where(sql<boolean>`coalesce(${roomOfMoving(search)}, (doctor.visit_type ->> 'requiresRoom')::boolean)`),
        ),
      ).as('rooms'),
    ])
}

/** Rooms in the order in which they are chosen, with what is taken of them. */
export const selectRooms = (search: OccupiedSearch) =>
  expressionBuilder<Database, never>()
    .selectFrom('rooms')
    .select(['rooms.id', 'rooms.name', 'rooms.clinicId'])
    .select(occupied(search, sql.ref('rooms.id')).as('busy'))
    .where('rooms.retiredAt', 'is', null)
    .orderBy('rooms.id')
