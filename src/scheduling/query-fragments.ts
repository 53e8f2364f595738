import { type Expression, expressionBuilder, type QueryCreator, sql } from 'kysely'
import { jsonRow, jsonRows } from '../database/json'
import type { Database } from '../database/schema'
import { DAY, localDay } from './local-time'

/** Which booking facts to read: a span of time somewhat wider than the days or the visit in question. */
export type FactsSearch = {
  from: Date
  until: Instant
  /** The local days that the span touches, whatever the zone. */
  fromDay: string
  untilDay: string
  now: Date
  /** An active visit type of the doctor; null for the first. */
  visitTypeId: string | null
  /** The patient, whose time has to be free too. */
  patientId: string | null
  /** The appointment that is to be moved: its own time counts as free, and its visit type may be inactive. */
  moving: string | null
}

export type CalendarSpan = Pick<FactsSearch, 'from' | 'until' | 'fromDay' | 'untilDay'>

/**
 * What to load for visits that start between two instants (epoch ms). The days around them cover visits and buffers that
 * reach in from outside: each may last a day.
 */
export function searchAround(
  ctx: { now: Date },
  [first, last]: [number, number],
  {
    visitTypeId = null,
    patientId = null,
    moving = null,
  }: { visitTypeId?: string | null; patientId?: string | null; moving?: string | null } = {},
) {
  return { ...spanBetween(first - 2 * DAY, last + 3 * DAY), now: ctx.now, visitTypeId, patientId, moving }
}

/** From epoch ms. */
export const spanBetween = (from: number, until: number) => ({
  from: new Date(from),
  until: new Date(until),
  // No zone is a day away from UTC.
  fromDay: localDay(from - DAY, 'UTC'),
  untilDay: localDay(until + DAY, 'UTC'),
})

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
type OccupancySearch = { from: Instant; until: Instant; now: Instant; moving?: string | null }

export type BookingSearch = FactsSearch & { doctorId: string }

type VisitTypeChoice = ReturnType<typeof activeVisitTypes>

/**
 * Booking facts, a row per doctor; the caller adds which doctors. The calendars may be read for a longer span than the busy
 * ranges.
 */
export function selectFacts(
  db: QueryCreator<Database>,
  search: FactsSearch,
  visitType: VisitTypeChoice,
  calendarSpan: CalendarSpan = search,
) {
  return db
    .selectFrom('doctors')
    .select(['doctors.id', 'doctors.name', 'doctors.specialization'])
    .select([sql<boolean>`doctors.verified_at is not null`.as('isVerified'), 'doctors.disabled'])
    .select([
      jsonRow(visitType).as('visitType'),
      jsonRows(calendarsOfDoctor(calendarSpan)).as('calendars'),
      busyRanges(search, sql.ref('doctors.id')).as('busy'),
      busyRanges(search, sql`${search.patientId}::uuid`).as('patientBusy'),
    ])
}

function visitTypesOfDoctor() {
  return expressionBuilder<Database, 'doctors'>()
    .selectFrom('visitTypes')
    .select(VISIT_TYPE)
    .whereRef('doctorId', '=', 'doctors.id')
}

export const activeVisitTypes = () => visitTypesOfDoctor().where('active', '=', sql.lit(true))

export const visitTypeWanted = ({ visitTypeId, moving }: FactsSearch): VisitTypeChoice =>
  visitTypesOfDoctor()
    .where(sql<boolean>`(active or ${moving}::uuid is not null)`)
    .where('id', '=', sql<string>`coalesce(${visitTypeId}, id)`)
    .orderBy('id')
    .limit(1)

/** The windows of a schedule, in no order. */
export const scheduleWindows = () =>
  expressionBuilder<Database, 'schedules'>()
    .selectFrom('scheduleWindows')
    .select(['weekday', 'startTime', 'endTime'])
    .whereRef('scheduleId', '=', 'schedules.id')

/** The standing week and the dated schedules of a doctor at a clinic; the caller narrows them to some days. */
export const selectSchedules = (windows = scheduleWindows()) =>
  expressionBuilder<Database, 'doctorClinics'>()
    .selectFrom('schedules')
    .select(['schedules.validFrom', 'schedules.validUntil', jsonRows(windows).as('windows')])
    .whereRef('schedules.doctorId', '=', 'doctorClinics.doctorId')
    .whereRef('schedules.clinicId', '=', 'doctorClinics.clinicId')

/** Each clinic of the doctor with its schedules, exceptions and closures. */
function calendarsOfDoctor({ from, until, fromDay, untilDay }: CalendarSpan) {
  const { selectFrom } = expressionBuilder<Database, 'doctorClinics' | 'clinics'>()
  const schedules = selectSchedules().where(({ and, eb, or }) =>
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
    .select(['clinics.id', 'clinics.name', 'clinics.timeZone', 'clinics.currency'])
    .select([
      jsonRows(schedules).as('schedules'),
      jsonRows(exceptions).as('exceptions'),
      jsonRows(closures).as('closures'),
    ])
    .whereRef('doctorClinics.doctorId', '=', 'doctors.id')
    .orderBy('clinics.id')
}

/**
 * Busy ranges of one resource in the span, as two arrays of epoch ms (ISO texts cost more than the query). An expired hold
 * is no busy range, even where its row still says `held`.
 */
export function busyRanges(
  { from, until, now, moving = null }: OccupancySearch,
  resourceId: Expression<string | null>,
) {
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

/** Cache key: changes whenever hours, visit types or closures change, not with bookings; null for an unknown doctor. */
export const calendarVersion = (doctorId: Expression<string>) => sql<string | null>`(
  select doctors.calendar_version || coalesce(string_agg(clinics.calendar_version::text, '' order by clinics.id), '')
  from doctors
    left join doctor_clinics on doctor_clinics.doctor_id = doctors.id
    left join clinics on clinics.id = doctor_clinics.clinic_id
  where doctors.id = ${doctorId}
  group by doctors.id)`

/** Expired holds whose occupancy may still conflict with a booking in the span: of the doctor, the patient or any room. */
export function expiredHolds({ from, until, now, patientId, doctorId, moving }: BookingSearch) {
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

/** Whether the appointment to be moved has a room, and so needs one again; null where no appointment is moved. */
export const roomOfMoving = ({ moving }: Pick<FactsSearch, 'moving'>) =>
  sql<boolean | null>`(select room_id is not null from appointments where id = ${moving})`

/** Doctors and, beside them, the rooms of all clinics where one of them needs a room, so that each room is listed once. */
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
          'doctor.disabled',
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

/** Rooms in the order in which they are chosen, with their busy ranges. */
export const selectRooms = (search: OccupancySearch) =>
  expressionBuilder<Database, never>()
    .selectFrom('rooms')
    .select(['rooms.id', 'rooms.name', 'rooms.clinicId'])
    .select(busyRanges(search, sql.ref('rooms.id')).as('busy'))
    .where('rooms.retiredAt', 'is', null)
    .orderBy('rooms.id')

/**
 * Statuses in conditions are literals: a plan that is kept for all values cannot use the partial indexes of held
 * appointments if it does not know the status.
 */
type Status = Database['appointments']['status']
const status = (name: Status) => sql.lit<Status>(name)

/** A condition on `appointments`: a hold whose time is not over. Like the next two, fit for `prepared`. */
export function isOpenHold(now: Date) {
  const { and, eb } = expressionBuilder<Database, 'appointments'>()
  return and([eb('appointments.status', '=', status('held')), eb('appointments.holdExpiresAt', '>', now)])
}

/** A condition on `appointments`: an expired hold whose row still says `held`. */
export function isExpiredHold(now: Date) {
  const { and, eb } = expressionBuilder<Database, 'appointments'>()
  return and([eb('appointments.status', '=', status('held')), eb('appointments.holdExpiresAt', '<=', now)])
}

/** A condition on `appointments`: booked, checked in, or held and not expired. */
export function isActiveAppointment(now: Date) {
  const { eb, or } = expressionBuilder<Database, 'appointments'>()
  return or([eb('appointments.status', 'in', [status('booked'), status('checked_in')]), isOpenHold(now)])
}
