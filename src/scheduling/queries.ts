import { expressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import { isListed } from '../access/doctors'
import { preparedForViewer, type Viewer, visiblePatients } from '../access/patients'
import { jsonRow, jsonRows } from '../database/json'
import { prepared, preparedRow } from '../database/prepared'
import type { Database } from '../database/schema'
import { lockStatement } from '../database/transaction'
import { countHolds, countUpcoming } from './patient-counts'
import {
  activeVisitTypes,
  type BookingSearch,
  busyRanges,
  type CalendarSpan,
  calendarVersion,
  expiredHolds,
  type FactsSearch,
  roomOfMoving,
  selectFacts,
  selectRooms,
  visitTypeWanted,
  withRooms,
} from './query-fragments'

/**
 * All booking facts of one doctor, in one statement; no row for an unknown id. PostgreSQL keeps a plan for one id; for a
 * list of ids it would plan each time, which takes longer than the reading.
 */
export const findFacts = preparedRow((db, search: FactsSearch & { doctorId: string }) =>
  selectFactsOfDoctor(db, search),
)

/** The same with the calendars of a longer span, and the calendar version; see facts-cache.ts. */
export const findFactsToCache = preparedRow(
  (db, search: FactsSearch & { doctorId: string }, calendarSpan: CalendarSpan) =>
    withRooms(
      db,
      search,
      selectFacts(db, search, visitTypeWanted(search), calendarSpan).where('doctors.id', '=', search.doctorId),
    ).select(calendarVersion(sql`${search.doctorId}::uuid`).as('version')),
)

export type BusyRangesSearch = { doctorId: string; from: Date; until: Date; now: Date; needsRoom: boolean }

/**
 * The busy ranges of each search's doctor and, where the visit `needsRoom`, of the rooms, with the calendar version. The
 * searches are one JSON text: PostgreSQL would plan again for each length of a list.
 */
export const findBusyRanges = (db: Kysely<Database>, searches: BusyRangesSearch[]) =>
  selectBusyRanges(db, { searches: JSON.stringify(searches.map((search, nth) => ({ ...search, nth }))) })

const selectBusyRanges = prepared((db, { searches }: { searches: string }) => {
  const wanted = sql<{ nth: number }>`json_to_recordset(${searches}::json)`.as<'wanted'>(sql`wanted (
    nth integer, "doctorId" uuid, "from" timestamptz, until timestamptz, now timestamptz, "needsRoom" boolean)`)
  const doctorId = sql<string>`wanted."doctorId"`
  const search = { from: sql<Date>`wanted.from`, until: sql<Date>`wanted.until`, now: sql<Date>`wanted.now` }
  const rooms = selectRooms(search)
    .where(sql<boolean>`wanted."needsRoom"`)
    .where('rooms.clinicId', 'in', ({ selectFrom }) =>
      selectFrom('doctorClinics').select('clinicId').where('doctorId', '=', doctorId),
    )
  return db
    .selectFrom(wanted)
    .select([
      calendarVersion(doctorId).as('version'),
      busyRanges(search, doctorId).as('busy'),
      jsonRows(rooms).as('rooms'),
    ])
    .orderBy('wanted.nth')
})

/** The same for several doctors. */
export const findFactsOfMany = preparedRow((db, search: FactsSearch & { doctorIds: string[] }) =>
  withRooms(
    db,
    search,
    selectFacts(db, search, visitTypeWanted(search)).where(
      'doctors.id',
      '=',
      sql<string>`any(${search.doctorIds}::uuid[])`,
    ),
  ),
)

const selectFactsOfDoctor = (db: Kysely<Database>, search: FactsSearch & { doctorId: string }) =>
  withRooms(db, search, selectFacts(db, search, visitTypeWanted(search)).where('doctors.id', '=', search.doctorId))

export type Facts = NonNullable<Awaited<ReturnType<typeof findFacts>>>
export type FactsRow = Facts['doctors'][number]
export type RoomRow = Facts['rooms'][number]

/** Booking facts of one doctor, and the patient if the viewer may see them. Call it under the locks of both. */
export async function findBookingFacts(db: Transaction<Database>, viewer: Viewer, search: BookingSearch) {
  return (await selectForViewer(db, viewer, search))!
}

const selectForViewer = preparedForViewer((db, viewer, search: BookingSearch) => {
  const { now, patientId } = search
  const patient = expressionBuilder<Database, never>()
    .selectFrom('patients')
    .select(['patients.id', 'patients.name', 'patients.erasedAt'])
    .select(countHolds({ now, patientId }).as('activeHolds'))
    .select(countUpcoming({ now, patientId }).as('upcoming'))
    .select(countUpcoming({ now, patientId }, search.doctorId).as('upcomingWithDoctor'))
    .where('patients.id', '=', search.patientId)
    .where(visiblePatients(viewer))
  return selectBookingFacts(db, search).select(jsonRow(patient).as('patient'))
})

/** The same for an appointment that is to be moved; the caller has checked that the actor may see it. */
export const findMovingFacts = preparedRow((db, search: BookingSearch) => selectBookingFacts(db, search))

const selectBookingFacts = (db: Kysely<Database>, search: BookingSearch) =>
  selectFactsOfDoctor(db, search).select(jsonRows(expiredHolds(search)).as('expiredHolds'))

/** Appointments of the doctor in the span, without their buffers. */
const visitsOfDoctor = ({ from, until, doctorId }: BookingSearch) =>
  expressionBuilder<Database, never>()
    .selectFrom('appointments')
    .select(['startsAt', 'endsAt'])
    .where('doctorId', '=', doctorId)
    .where('startsAt', '<', until)
    .where('startsAt', '>', from)
    .where('status', 'not in', ['cancelled', 'expired'])

/** The same with the doctor's appointments, for an explanation. */
export const findExplainedFacts = preparedRow((db, search: BookingSearch) =>
  selectFactsOfDoctor(db, search).select(jsonRows(visitsOfDoctor(search)).as('visits')),
)

/**
 * Locks the doctor, the patient and, for a visit that needs a room, the rooms of the clinics where it may be chosen: what
 * is read next stays true until the transaction ends.
 */
export const lockForBooking = prepared(
  (
    db,
    search: Pick<BookingSearch, 'doctorId' | 'patientId' | 'visitTypeId' | 'moving'> & { clinicId: string | null },
  ) =>
    lockStatement(
      db,
      sql`
        select ${search.doctorId}::uuid as id
        union select ${search.patientId}::uuid
        union select clinic_id from doctor_clinics
          where doctor_id = ${search.doctorId}
            and clinic_id = coalesce(${search.clinicId}, clinic_id)
            and coalesce(${roomOfMoving(search)}, (
              select requires_room from visit_types
                where doctor_id = ${search.doctorId} and active and id = coalesce(${search.visitTypeId}, id)
                order by id limit 1
            ))`,
    ),
)

type VisitTypeLikeness = { name: string; mode: 'in_person' | 'telehealth'; durationMinutes: number }

const visitTypeLike = ({ name, mode, durationMinutes }: VisitTypeLikeness) =>
  activeVisitTypes()
    .orderBy(sql`lower(name) = lower(${name})`, 'desc')
    .orderBy(sql`mode = ${mode}`, 'desc')
    .orderBy(sql`abs(duration_minutes - ${durationMinutes})`)
    .orderBy('id')
    .limit(1)

/**
 * Booking facts of other doctors of a specialization, those of the clinic first, each for the visit type that is most like
 * the wanted one.
 */
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
  const colleagues = selectFacts(db, search, visitTypeLike(wanted.visitType))
    .where(sql`lower(doctors.specialization)`, '=', sql`lower(${wanted.specialization})`)
    .where('doctors.id', '<>', wanted.doctorId)
    .where(isListed(wanted))
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
  return withRooms(db, search, colleagues).executeTakeFirstOrThrow()
}
