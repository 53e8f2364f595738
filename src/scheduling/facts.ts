import { formatInstant } from '../http/schemas'
import { DAY, localDay, localStart } from './local-time'
import type { FactsRow, FactsSearch } from './queries'
import type { Slot } from './schemas'
import { type BookableStart, type ClinicCalendar, explainStart, type SchedulingFacts } from './slots'

export type DoctorFacts = NonNullable<ReturnType<typeof readFacts>>

/** From a row to the engine's facts; undefined for a doctor without such an active visit type. */
export function readFacts(row: FactsRow, now: Date) {
  const { id, name, specialization, visitType } = row
  if (!visitType) return undefined
  const scheduling: SchedulingFacts = {
    visit: visitType,
    calendars: row.calendars.map(readCalendar),
    busy: row.busy.map(readRange),
    alsoBusy: row.patientBusy.map(readRange),
    now: now.getTime(),
  }
  const clinics = row.calendars.map(({ id, name, timeZone }) => ({ id, name, timeZone }))
  return { doctor: { id, name, specialization }, visitType, clinics, scheduling }
}

/** From rows of one doctor at one clinic to the engine's calendar. */
export function readCalendar({
  id,
  timeZone,
  schedules,
  exceptions,
  closures,
}: Omit<FactsRow['calendars'][number], 'name'>): ClinicCalendar {
  return {
    clinicId: id,
    timeZone,
    schedules: schedules.map(({ validFrom, validUntil, weekly }) => ({
      validFrom,
      validUntil,
      weekly: weekly.map(({ weekday, startTime, endTime }) => ({
        weekday,
        start: startTime.slice(0, 5),
        end: endTime.slice(0, 5),
      })),
    })),
    exceptions: exceptions.map(({ kind, startsAt, endsAt }) => ({
      kind,
      startsAt: Date.parse(startsAt),
      endsAt: Date.parse(endsAt),
    })),
    closures,
  }
}

const readRange = ({ startsAt, endsAt }: { startsAt: string; endsAt: string }) => ({
  start: Date.parse(startsAt),
  end: Date.parse(endsAt),
})

/**
 * What to load for visits that start between two instants (epoch ms). Days on either side cover what reaches in from
 * outside: a visit and a buffer may each last a day.
 */
export function searchAround(
  ctx: { now: Date },
  [first, last]: [number, number],
  { visitTypeId = null, patientId = null }: { visitTypeId?: string | null; patientId?: string | null } = {},
): FactsSearch {
  const [from, until] = [first - 2 * DAY, last + 3 * DAY]
  return {
    from: new Date(from),
    until: new Date(until),
    // No zone is a day away from UTC.
    fromDay: localDay(from - DAY, 'UTC'),
    untilDay: localDay(until + DAY, 'UTC'),
    now: ctx.now,
    visitTypeId,
    patientId,
  }
}

/** The clinics where the doctor has hours that hold a visit starting then, closed or taken though they may be. */
export const clinicsWithHours = ({ clinics, scheduling }: DoctorFacts, start: number) =>
  clinics.filter(({ id }) => explainStart(scheduling, start, id).some(({ rule, pass }) => rule === 'hours' && pass))

export function toSlot({ doctor, visitType, clinics }: DoctorFacts, { clinicId, start, end }: BookableStart): Slot {
  // A bookable start lies in one of the doctor's calendars, and each of these is a clinic's.
  const { timeZone } = clinics.find(({ id }) => id === clinicId)!
  return {
    doctorId: doctor.id,
    doctorName: doctor.name,
    clinicId,
    visitTypeId: visitType.id,
    startsAt: formatInstant(new Date(start)),
    endsAt: formatInstant(new Date(end)),
    localStart: localStart(start, timeZone),
  }
}
