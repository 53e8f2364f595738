import { expressionBuilder, type Kysely, sql, type Transaction } from 'kysely'
import { preparedForViewer, type Viewer, visiblePatients } from '../access/patients'
import { jsonRow, jsonRows } from '../database/json'
import { prepared, preparedRow } from '../database/prepared'
import type { Database } from '../database/schema'
import { lockStatement } from '../database/transaction'
import {
  activeHolds,
  activeVisitTypes,
  type BookingSearch,
  type CalendarStretch,
  calendarVersion,
  type FactsSearch,
  lapsed,
  occupied,
  roomOfMoving,
  selectFacts,
  selectRooms,
  type VisitTypeLikeness,
  visitsOfDoctor,
  visitTypeLike,
  visitTypeWanted,
  withRooms,
} from './query-fragments'

/**
 * Everything that decides when one doctor can be booked, in one statement; an unknown id gives no row. For one id
 * PostgreSQL keeps a plan, for a list of them it would plan anew each time, which takes longer than the reading.
 */
export const findFacts = preparedRow((db, search: FactsSearch & { doctorId: string }) =>
  selectFactsOfDoctor(db, search),
)

/** The same with the calendars of a longer stretch, and the version of all but what is taken; see known-facts.ts. */
export const findFactsToCache = preparedRow(
  (db, search: FactsSearch & { doctorId: string }, calendarStretch: CalendarStretch) =>
    withRooms(
      db,
      search,
      selectFacts(db, search, visitTypeWanted(search), calendarStretch).where('doctors.id', '=', search.doctorId),
    ).select(calendarVersion(sql`${search.doctorId}::uuid`).as('version')),
)

export type TakenSearch = { doctorId: string; from: Date; until: Date; now: Date; needsRoom: boolean }

/**
 * What is taken of each search's doctor and, where the visit `needsRoom`, of the rooms, with the version of all else. One
 * text whatever their number: of lists PostgreSQL knows the length, and would plan anew each time.
 */
export const findTaken = (db: Kysely<Database>, searches: TakenSearch[]) =>
  selectTaken(db, { searches: JSON.stringify(searches.map((search, nth) => ({ ...search, nth }))) })

const selectTaken = prepared((db, { searches }: { searches: string }) => {
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
      occupied(search, doctorId).as('busy'),
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

/** The same for one doctor, with the patient if the viewer may see them; to be read under the locks of both. */
export async function findBookingFacts(db: Transaction<Database>, viewer: Viewer, search: BookingSearch) {
  return (await selectForViewer(db, viewer, search))!
}

const selectForViewer = preparedForViewer((db, viewer, search: BookingSearch) => {
  const patient = expressionBuilder<Database, never>()
    .selectFrom('patients')
    .select(['patients.id', 'patients.name'])
    .select(activeHolds(search).as('activeHolds'))
    .where('patients.id', '=', search.patientId)
    .where(visiblePatients(viewer))
  return selectBookingFacts(db, search).select(jsonRow(patient).as('patient'))
})

/** The same for an appointment that is to be moved, whose patient the actor has been found to see. */
export const findMovingFacts = preparedRow((db, search: BookingSearch) => selectBookingFacts(db, search))

const selectBookingFacts = (db: Kysely<Database>, search: BookingSearch) =>
  selectFactsOfDoctor(db, search).select(jsonRows(lapsed(search)).as('lapsed'))

/** The same for one doctor whose times are to be explained: with the appointments that take them. */
export const findExplainedFacts = preparedRow((db, search: BookingSearch) =>
  selectFactsOfDoctor(db, search).select(jsonRows(visitsOfDoctor(search)).as('visits')),
)

/**
 * Takes the locks under which all that is read next stays true: of the doctor, the patient and, for a visit that needs a
 * room, of the clinics where it may be chosen.
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
  const colleagues = selectFacts(db, search, visitTypeLike(wanted.visitType))
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
  return withRooms(db, search, colleagues).executeTakeFirstOrThrow()
}
