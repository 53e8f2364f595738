import type { Context } from '../deps'
import { cursorAfter, toPage } from '../http/pagination'
import { presentAppointment } from './present'
import { listAppointmentRows } from './queries'
import type { ListAppointmentsQuery } from './schemas'

/** A page of the appointments that the caller may see. Throws validation_failed for an invalid cursor. */
export async function listAppointments(
  { db, actor }: Pick<Context, 'db' | 'actor'>,
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
