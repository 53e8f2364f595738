import { expressionBuilder, type Insertable, type Kysely, sql, type Transaction } from 'kysely'
import { visibleAppointments } from '../access/appointments'
import { accessBasis, type Viewer } from '../access/patients'
import type { Caller, Identity } from '../actor'
import { preparedOneRow } from '../database/audited-read'
import { jsonRow } from '../database/json'
import { prepared, preparedRow } from '../database/prepared'
import type { Database } from '../database/schema'
import { ACTIVE_PAYMENT_STATUSES, type AppointmentStatus } from '../ledger/status'
import { formatRange, type Occupancy, occupancyRows } from './occupancy'
import type { AppointmentsTable, OccupancyTable } from './tables'

/** An appointment with the names and the payment that an answer shows; if the actor may see it. */
export function selectAppointments(db: Kysely<Database>, actor: Identity) {
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
      'appointments.freeUntil',
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
      'doctors.disabled as doctorDisabled',
      'clinics.name as clinicName',
      'visitTypes.name as visitTypeName',
    ])
    .select([jsonRow(roomOfAppointment()).as('room'), jsonRow(paymentOfAppointment()).as('payment')])
    .where(visibleAppointments(actor))
}

export type AppointmentRow = Awaited<ReturnType<typeof listAppointmentRows>>[number]

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
  /** All but `expired` when left out. */
  status?: AppointmentStatus[]
  /** Local days of the appointments, both inclusive. */
  from?: string
  to?: string
  doctorId?: string
  patientId?: string
  clinicId?: string
}

/** By start, then id; `after` is the last row of the page before. */
export const listAppointmentRows = prepared(selectPage, ['role', 'order'])

function selectPage(
  db: Kysely<Database>,
  actor: Caller,
  { status, from, to, doctorId, patientId, clinicId }: AppointmentFilters,
  { order, limit }: { order: 'asc' | 'desc'; limit: number },
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

export const findAppointmentById = preparedOneRow((db, actor, { id }) =>
  selectAppointments(db, actor).where('appointments.id', '=', id),
)

/** The resources to lock, read without a lock. */
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
 * Locks the row only, for changes that take no lock of doctor and patient. A statement of its own: a select with joins that
 * waits for the row would lose it if it is moved to another clinic meanwhile.
 */
export async function lockAppointmentRow(db: Transaction<Database>, id: string): Promise<void> {
  await db.selectFrom('appointments').select('id').where('id', '=', id).forUpdate().execute()
}

/**
 * Call it after the locks of doctor and patient, never before, so that it cannot be moved meanwhile. It may be paid while
 * this waits for the row: the statement that changes it next returns its payment.
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

/** Appointments of the maker and their occupancy, in one statement. */
export async function insertAppointments(
  db: Transaction<Database>,
  maker: Viewer,
  bookings: { appointment: Insertable<AppointmentsTable>; occupancy: Occupancy[] }[],
): Promise<void> {
  const rows = bookings.map(({ appointment }) => ({
    ...appointment,
    accessBasis: accessBasis(maker, { doctorId: appointment.doctorId, patientId: appointment.patientId }),
    originalEndsAt: appointment.endsAt,
  }))
  await db
    .with('booked', (qb) => qb.insertInto('appointments').values(rows))
    .insertInto('occupancy')
    .values(
      bookings.flatMap(({ appointment: { id, holdExpiresAt = null }, occupancy }) =>
        occupancyRows(id, occupancy, holdExpiresAt),
      ),
    )
    .execute()
}

type MovedColumns = Pick<
  Insertable<AppointmentsTable>,
  'clinicId' | 'roomId' | 'startsAt' | 'endsAt' | 'date' | 'timeZone'
> & { originalEndsAt?: Date; freeUntil: Date }

/** Moves the appointment and its occupancy, in one statement; the row must be locked. */
export function moveAppointmentRow(db: Transaction<Database>, id: string, moved: MovedColumns, occupancy: Occupancy[]) {
  const kinds = occupancy.map(({ kind }) => kind)
  const resourceIds = occupancy.map(({ resourceId }) => resourceId)
  const ranges = occupancy.map(({ during }) => formatRange(during))
  return db
    .with('moved', (qb) =>
      qb
        .updateTable('appointments')
        .set(moved)
        .set((eb) => ({ version: eb('version', '+', 1), calendarSequence: eb('calendarSequence', '+', 1) }))
        .where('id', '=', id)
        .returning(['id', 'version']),
    )
    .with('occupied', (qb) =>
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

/** The row must be locked. The `undo…` columns record who undid a mistake, when and why. */
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

/** Cancels, deletes the occupancy and cancels a pending payment, in one statement; the row must be locked. */
export async function cancelAppointmentRow(db: Transaction<Database>, id: string, cancelled: CancelledColumns) {
  return (await cancelRow(db, { id }, cancelled))!
}

type CancelledColumns = { cancelledAt: Date; cancelledBy: string; cancellationReason: string | null }

const cancelRow = preparedRow((db, { id }: ById, cancelled: CancelledColumns) =>
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
    .with('cancelledPayment', (qb) =>
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
      jsonRow(
        selectFrom('cancelledPayment').select([
          'cancelledPayment.id',
          'cancelledPayment.status',
          'cancelledPayment.amount',
          'cancelledPayment.currency',
        ]),
      ).as('cancelledPayment'),
      jsonRow(paymentOfAppointment()).as('payment'),
    ]),
)
