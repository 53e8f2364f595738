import type { Caller } from '../actor'
import type { Context } from '../deps'
import { cursorAfter, toPage } from '../http/pagination'
import { formatInstant } from '../http/schemas'
import { localStart } from '../scheduling/local-time'
import { type AppointmentRow, listAppointments as listAppointmentRows } from './queries'
import type { Appointment, ListAppointmentsQuery } from './schemas'

type Reader = Pick<Context, 'db' | 'actor'>

/** As the caller may see it: admins run the clinic but read no clinical text, so no reason. Local by its own time zone. */
export const presentAppointment = (row: AppointmentRow, { role }: Pick<Caller, 'role'>): Appointment => ({
  id: row.id,
  status: row.status,
  patient: { id: row.patientId, name: row.patientName },
  doctor: { id: row.doctorId, name: row.doctorName, specialization: row.specialization },
  clinic: { id: row.clinicId, name: row.clinicName, timeZone: row.timeZone },
  visitType: { id: row.visitTypeId, name: row.visitTypeName, mode: row.mode },
  ...(row.room && { room: row.room }),
  startsAt: formatInstant(row.startsAt),
  endsAt: formatInstant(row.endsAt),
  localStart: localStart(row.startsAt.getTime(), row.timeZone),
  price: { amount: row.priceAmount, currency: row.priceCurrency },
  cancellationPolicy: {
    freeUntilMinutes: row.cancellationFreeUntilMinutes,
    lateRefundPercent: row.cancellationLateRefundPercent,
  },
  reason: role === 'admin' ? null : row.reason,
  payment: row.payment,
  ...(row.holdExpiresAt && { holdExpiresAt: formatInstant(row.holdExpiresAt) }),
  createdAt: formatInstant(row.createdAt),
  version: row.version,
})

/** The caller's own, narrowed by the filters. Throws validation_failed for a cursor that is none. */
export async function listAppointments(
  { db, actor }: Reader,
  { order, limit, cursor, ...filters }: ListAppointmentsQuery,
) {
  const after = cursorAfter(cursor, 'startsAt')
  const rows = await listAppointmentRows(db, actor, filters, { order, limit: limit + 1 }, after)
  const page = toPage(
    rows,
    limit,
    (row) => [row.startsAt.toISOString(), row.id],
    (row) => presentAppointment(row, actor),
  )
  return { page, patientIds: page.data.map(({ patient }) => patient.id) }
}
