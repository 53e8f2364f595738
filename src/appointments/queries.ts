import { expressionBuilder, type Insertable, type Kysely, sql, type Transaction } from 'kysely'
import { visibleAppointments } from '../access/appointments'
import type { Caller } from '../actor'
import { preparedOneRow } from '../database/audited-read'
import { jsonRow } from '../database/json'
import { prepared, preparedRow } from '../database/prepared'
import type { Database } from '../database/schema'
import { ACTIVE_PAYMENT_STATUSES, type AppointmentStatus } from '../ledger/status'
import type { TimeRange } from '../scheduling/ranges'
import type { AppointmentsTable, OccupancyTable } from './tables'

/** An appointment with the names and the payment that an answer shows; if the actor may see it. */
function selectAppointments(db: Kysely<Database>, actor: Caller) {
  return db
    .selectFrom('appointments')
    .innerJoin('patients', 'patients.id', 'appointments.patientId')
    .innerJoin('doctors', 'doctors.id', 'appointments.doctorId')
    .innerJoin('clinics', 'clinics.id', 'appointments.clinicId')
    .innerJoin('visitTypes', 'visitTypes.id', 'appointments.visitTypeId')
    .select([
      'appointments.id',
      'appointments.patientId',
      'appointments.doctorId',
      'appointments.clinicId',
      'appointments.visitTypeId',
      'appointments.startsAt',
      'appointments.endsAt',
      'appointments.date',
      'appointments.status',
      'appointments.holdExpiresAt',
      'appointments.roomId',
      'appointments.reason',
      'appointments.timeZone',
      'appointments.mode',
      'appointments.priceAmount',
      'appointments.priceCurrency',
      'appointments.cancellationFreeUntilMinutes',
      'appointments.cancellationLateRefundPercent',
      'appointments.bufferBeforeMinutes',
      'appointments.bufferAfterMinutes',
      'appointments.requiresPrepayment',
      'appointments.createdBy',
      'appointments.createdByRole',
      'appointments.version',
      'appointments.createdAt',
      'patients.name as patientName',
      'doctors.name as doctorName',
      'doctors.specialization',
      'clinics.name as clinicName',
      'visitTypes.name as visitTypeName',
    ])
    .select([jsonRow(roomOfAppointment()).as('room'), jsonRow(paymentOfAppointment()).as('payment')])
    .where(visibleAppointments(actor))
}

export type AppointmentRow = Awaited<ReturnType<typeof listAppointments>>[number]

const roomOfAppointment = () =>
  expressionBuilder<Database, 'appointments'>()
    .selectFrom('rooms')
    .select(['rooms.id', 'rooms.name'])
    .whereRef('rooms.id', '=', 'appointments.roomId')

/** The active payment, else the latest. */
export function paymentOfAppointment() {
  return expressionBuilder<Database, 'appointments'>()
    .selectFrom('payments')
    .select(['payments.id', 'payments.status', 'payments.amount', 'payments.currency'])
    .whereRef('payments.appointmentId', '=', 'appointments.id')
    .orderBy((eb) => eb('payments.status', 'in', ACTIVE_PAYMENT_STATUSES), 'desc')
    .orderBy('payments.createdAt', 'desc')
    .orderBy('payments.id', 'desc')
    .limit(1)
}

export type AppointmentFilters = {
  /** All but expired ones when left out. */
  status?: AppointmentStatus[]
  /** Local days of the appointments, both inclusive. */
  from?: string
  to?: string
  doctorId?: string
  patientId?: string
  clinicId?: string
}

type Page = { order: 'asc' | 'desc'; limit: number }

/** By start, then id; `after` is the last row of the page before. */
export const listAppointments = prepared(selectPage, ['role', 'order'])

function selectPage(
  db: Kysely<Database>,
  actor: Caller,
  { status, from, to, doctorId, patientId, clinicId }: AppointmentFilters,
  { order, limit }: Page,
  after?: { startsAt: Date; id: string },
) {
  return selectAppointments(db, actor)
    .where((eb) =>
      status
        ? eb('appointments.status', '=', sql<AppointmentStatus>`any(${status})`)
        : eb('appointments.status', '<>', 'expired'),
    )
    .$if(from !== undefined, (qb) => qb.where('appointments.date', '>=', from!))
    .$if(to !== undefined, (qb) => qb.where('appointments.date', '<=', to!))
    .$if(doctorId !== undefined, (qb) => qb.where('appointments.doctorId', '=', doctorId!))
    .$if(patientId !== undefined, (qb) => qb.where('appointments.patientId', '=', patientId!))
    .$if(clinicId !== undefined, (qb) => qb.where('appointments.clinicId', '=', clinicId!))
    .$if(after !== undefined, (qb) =>
      qb.where(({ eb, refTuple, tuple }) =>
        eb(
          refTuple('appointments.startsAt', 'appointments.id'),
          order === 'asc' ? '>' : '<',
          tuple(after!.startsAt, after!.id),
        ),
      ),
    )
    .orderBy('appointments.startsAt', order)
    .orderBy('appointments.id', order)
    .limit(limit)
}

type ById = { id: string }

export const findAppointmentById = preparedOneRow((db, actor, { id }: ById) =>
  selectAppointments(db, actor).where('appointments.id', '=', id),
)

/** Whose locks to take, read without any. */
export const findAppointmentParties = preparedRow(
  (db, actor: Caller, { id }: ById) =>
    db
      .selectFrom('appointments')
      .select(['doctorId', 'patientId', 'clinicId', 'roomId', 'visitTypeId', 'createdBy'])
      .where('id', '=', id)
      .where(visibleAppointments(actor)),
  ['role'],
)

/**
 * Locks the row and nothing else, for those that take no lock of doctor and patient. Whoever moves it to another clinic
 * meanwhile would take it out of a select that joins while it waits; what is read next is as it is then.
 */
export async function lockAppointmentRow(db: Transaction<Database>, id: string): Promise<void> {
  await db.selectFrom('appointments').select('id').where('id', '=', id).forUpdate().execute()
}

/**
 * After the locks of doctor and patient, never before: nobody moves it then. It may be paid while this waits for its row, so
 * that what changes it next gives its payment.
 */
export const findAppointmentForUpdate: (
  trx: Transaction<Database>,
  actor: Caller,
  appointment: ById,
) => Promise<AppointmentRow | undefined> = preparedRow(
  (db, actor: Caller, { id }: ById) =>
    selectAppointments(db, actor).where('appointments.id', '=', id).forUpdate('appointments'),
  ['role'],
)

/** What an appointment takes, and of whom. */
export type Taken = Pick<OccupancyTable, 'kind' | 'resourceId'> & { during: TimeRange }

/** Appointments and what they take, in one statement. */
export async function insertAppointments(
  db: Transaction<Database>,
  bookings: { appointment: Insertable<AppointmentsTable>; taken: Taken[] }[],
): Promise<void> {
  await db
    .with('booked', (qb) => qb.insertInto('appointments').values(bookings.map(({ appointment }) => appointment)))
    .insertInto('occupancy')
    .values(
      bookings.flatMap(({ appointment: { id, holdExpiresAt = null }, taken }) =>
        taken.map(({ kind, resourceId, during }) => ({
          appointmentId: id,
          kind,
          resourceId,
          during: formatRange(during),
          expiresAt: holdExpiresAt,
        })),
      ),
    )
    .execute()
}

/** As the text form of a `tstzrange`. */
export const formatRange = ({ start, end }: TimeRange) =>
  `[${new Date(start).toISOString()},${new Date(end).toISOString()})`

export type Moved = Pick<
  Insertable<AppointmentsTable>,
  'clinicId' | 'roomId' | 'startsAt' | 'endsAt' | 'date' | 'timeZone'
>

/** Moves the appointment and what it takes, in one statement; the row must be locked. */
export function moveAppointment(db: Transaction<Database>, id: string, moved: Moved, taken: Taken[]) {
  const kinds = taken.map(({ kind }) => kind)
  const resourceIds = taken.map(({ resourceId }) => resourceId)
  const ranges = taken.map(({ during }) => formatRange(during))
  return db
    .with('moved', (qb) =>
      qb
        .updateTable('appointments')
        .set(moved)
        .set((eb) => ({ version: eb('version', '+', 1), calendarSequence: eb('calendarSequence', '+', 1) }))
        .where('id', '=', id)
        .returning(['id', 'version']),
    )
    .with('taken', (qb) =>
      qb
        .updateTable('occupancy')
        .from(
          sql<Pick<OccupancyTable, 'kind' | 'resourceId'> & { during: string }>`
            unnest(${kinds}::text[], ${resourceIds}::uuid[], ${ranges}::tstzrange[])`.as<'place'>(
            sql`place (kind, resource_id, during)`,
          ),
        )
        .set(({ ref }) => ({ resourceId: ref('place.resourceId'), during: ref('place.during') }))
        .where('occupancy.appointmentId', '=', id)
        .whereRef('occupancy.kind', '=', 'place.kind'),
    )
    .selectFrom('moved')
    .innerJoin('appointments', 'appointments.id', 'moved.id')
    .select(['moved.version', jsonRow(paymentOfAppointment()).as('payment')])
    .executeTakeFirstOrThrow()
}

/** The row must be locked. `undone` tells by whom and why it is set back. */
export function updateAppointmentStatus(
  db: Transaction<Database>,
  id: string,
  changes: Pick<AppointmentsTable, 'status'> & Partial<Pick<AppointmentsTable, 'undoneAt' | 'undoneBy' | 'undoReason'>>,
) {
  return db
    .updateTable('appointments')
    .set(changes)
    .set((eb) => ({ version: eb('version', '+', 1) }))
    .where('id', '=', id)
    .returning(['status', 'version'])
    .executeTakeFirstOrThrow()
}

/** Cancels, frees what was taken and voids a pending payment, in one statement; the row must be locked. */
export async function cancelAppointmentRow(db: Transaction<Database>, id: string, cancelled: Cancelled) {
  return (await cancelRow(db, { id }, cancelled))!
}

type Cancelled = { cancelledAt: Date; cancelledBy: string; cancellationReason: string | null }

const cancelRow = preparedRow((db, { id }: ById, cancelled: Cancelled) =>
  db
    .with('appointment', (qb) =>
      qb
        .updateTable('appointments')
        .set({ status: 'cancelled', holdExpiresAt: null, ...cancelled })
        .set((eb) => ({ version: eb('version', '+', 1), calendarSequence: eb('calendarSequence', '+', 1) }))
        .where('id', '=', id)
        .returning(['id', 'status', 'version']),
    )
    .with('freed', (qb) => qb.deleteFrom('occupancy').where('appointmentId', '=', id))
    .with('voided', (qb) =>
      qb
        .updateTable('payments')
        .set({ status: 'cancelled' })
        .where('appointmentId', '=', id)
        .where('status', '=', 'pending')
        .returning(['id', 'status', 'amount', 'currency']),
    )
    .selectFrom('appointment')
    .innerJoin('appointments', 'appointments.id', 'appointment.id')
    .select(['appointment.status', 'appointment.version'])
    .select(({ selectFrom }) => [
      jsonRow(selectFrom('voided').select(['voided.id', 'voided.status', 'voided.amount', 'voided.currency'])).as(
        'voided',
      ),
      jsonRow(paymentOfAppointment()).as('payment'),
    ]),
)
