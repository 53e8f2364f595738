import type { TransactionContext } from '../../deps'
import { formatInstant } from '../../http/schemas'
import { readCalendar } from '../facts'
import { addDays, localDay, localStart } from '../local-time'
import type { TimeRange } from '../ranges'
import { outsideHours } from './outside-hours'
import {
  type AffectedScope,
  findClinicCalendars,
  listAppointmentsDuring,
  listAtFormerClinics,
  listUpcomingAppointments,
  type UpcomingAppointment,
} from './queries'
import { type Affected, type AffectedAppointment, MAX_EXAMINED, MAX_LISTED } from './schemas'

type LockedContext = Pick<TransactionContext, 'db' | 'now'>

/**
 * Upcoming appointments that overlap a time range (epoch ms). Call it under the doctors' locks, so that none is booked there
 * meanwhile. One round trip.
 */
export async function findAffected(
  { db, now }: LockedContext,
  scope: AffectedScope,
  { start, end }: TimeRange,
): Promise<Affected> {
  const during = { from: new Date(start), until: new Date(end), now, limit: MAX_LISTED }
  const rows = await listAppointmentsDuring(db, scope, during)
  return { appointments: rows.map(present), total: rows[0]?.total ?? 0 }
}

/** All upcoming appointments of a doctor, at all clinics. Call it under the doctor's lock. One round trip. */
export async function findUpcoming({ db, now }: LockedContext, doctorId: string): Promise<Affected> {
  const rows = await listAppointmentsDuring(db, { doctorId }, { from: now, until: null, now, limit: MAX_LISTED })
  return { appointments: rows.map(present), total: rows[0]?.total ?? 0 }
}

/** Upcoming appointments of a doctor at clinics that the doctor has left. Call it under the doctor's lock. One round trip. */
export async function findAtFormerClinics({ db, now }: LockedContext, doctorId: string): Promise<Affected> {
  const rows = await listAtFormerClinics(db, doctorId, { now, limit: MAX_LISTED })
  return { appointments: rows.map(present), total: Math.min(rows[0]?.total ?? 0, MAX_EXAMINED) }
}

/**
 * Upcoming appointments outside the hours as they are now, by their doctor's calendar at the clinic; all appointments of a
 * doctor who has left the clinic are outside. Call it under the doctors' locks. Two round trips.
 */
export async function findOutsideHours({ db, now }: LockedContext, scope: AffectedScope): Promise<Affected> {
  const rows = await listUpcomingAppointments(db, scope, now, MAX_EXAMINED)
  if (rows.length === 0) return { appointments: [], total: 0 }
  // A visit that is going on may have begun yesterday, in a zone that is behind UTC.
  const since = addDays(localDay(now.getTime(), 'UTC'), -2)
  const { doctors, ...clinic } = await findClinicCalendars(db, { ...scope, since })
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

const toVisit = (row: UpcomingAppointment) => ({ start: row.startsAt.getTime(), end: row.endsAt.getTime(), row })

const present = ({
  id,
  status,
  doctorId,
  patientId,
  startsAt,
  endsAt,
  timeZone,
}: UpcomingAppointment): AffectedAppointment => ({
  id,
  status,
  doctorId,
  patientId,
  startsAt: formatInstant(startsAt),
  endsAt: formatInstant(endsAt),
  localStart: localStart(startsAt.getTime(), timeZone),
})
