import type { TransactionContext } from '../../deps'
import { formatInstant } from '../../http/schemas'
import { readCalendar } from '../facts'
import { addDays, localDay, localStart } from '../local-time'
import type { TimeRange } from '../ranges'
import { outsideHours } from './outside-hours'
import {
  type AppointmentToCome,
  findClinicCalendars,
  listAppointmentsDuring,
  listAppointmentsToCome,
  type Whose,
} from './queries'
import { type Affected, type AffectedAppointment, MAX_EXAMINED, MAX_LISTED } from './schemas'

type Writer = Pick<TransactionContext, 'db' | 'now'>

/**
 * Appointments to come that a stretch of time (epoch ms) meets. Call it under the doctors' locks, so that none is booked
 * there unseen. One round trip.
 */
export async function findAffected({ db, now }: Writer, whose: Whose, { start, end }: TimeRange): Promise<Affected> {
  const during = { from: new Date(start), until: new Date(end), now, limit: MAX_LISTED }
  const rows = await listAppointmentsDuring(db, whose, during)
  return { appointments: rows.map(present), total: rows[0]?.total ?? 0 }
}

/**
 * Appointments to come that the hours, as they are now, do not hold, each judged by its doctor's calendar at the clinic;
 * where the doctor has left the clinic there is none. Call it under the doctors' locks. Two round trips.
 */
export async function findOutsideHours({ db, now }: Writer, whose: Whose): Promise<Affected> {
  const rows = await listAppointmentsToCome(db, whose, now, MAX_EXAMINED)
  if (rows.length === 0) return { appointments: [], total: 0 }
  // A visit under way may have begun yesterday, in a zone that is behind UTC.
  const since = addDays(localDay(now.getTime(), 'UTC'), -2)
  const { doctors, ...clinic } = await findClinicCalendars(db, { ...whose, since })
  const calendars = new Map(doctors.map(({ doctorId, ...own }) => [doctorId, readCalendar({ ...clinic, ...own })]))
  const visits = Map.groupBy(rows.map(toVisit), ({ row }) => row.doctorId)
  const outside = [...visits].flatMap(([doctorId, ofDoctor]) => {
    const calendar = calendars.get(doctorId)
    return calendar ? outsideHours(calendar, ofDoctor) : ofDoctor
  })
  const appointments = outside
    .sort((a, b) => a.start - b.start)
    .slice(0, MAX_LISTED)
    .map(({ row }) => present(row))
  return { appointments, total: outside.length }
}

const toVisit = (row: AppointmentToCome) => ({ start: row.startsAt.getTime(), end: row.endsAt.getTime(), row })

const present = ({
  id,
  status,
  doctorId,
  patientId,
  startsAt,
  endsAt,
  timeZone,
}: AppointmentToCome): AffectedAppointment => ({
  id,
  status,
  doctorId,
  patientId,
  startsAt: formatInstant(startsAt),
  endsAt: formatInstant(endsAt),
  localStart: localStart(startsAt.getTime(), timeZone),
})
