import { readWindow } from './calendar'
import { DAY, localDay, localStart, utcOf } from './local-time'
import type { Facts, FactsRow, RoomRow } from './queries'
import { overlap } from './ranges'
import type { Slot } from './schemas'
import { type BookableStart, type ClinicCalendar, explainStart, occupiedRange, type SchedulingFacts } from './slots'

export type DoctorFacts = ReturnType<typeof readFacts>[number]

/** What an appointment was booked with and keeps when it is moved, whatever its visit type has become. */
export type BookedTerms = {
  durationMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  requiresRoom: boolean
}

/** From rows to the engine's facts; a doctor without such an active visit type is left out. */
export function readFacts({ doctors, rooms }: Pick<Facts, 'doctors' | 'rooms'>, now: Date, booked?: BookedTerms) {
  const roomsOf = Map.groupBy(rooms.map(readRoom), ({ clinicId }) => clinicId)
  return doctors.flatMap((row) => {
    const standing = readCachedFacts(row, booked)
    return standing ? [factsAt(standing, row, roomsOf, now)] : []
  })
}

/** Of one doctor: without facts if there is no such active visit type. */
export type FoundDoctor = { isVerified: boolean; facts?: DoctorFacts }

/** Undefined for an unknown doctor. */
export function readFound(found: Facts, now: Date): FoundDoctor | undefined {
  const [row] = found.doctors
  const [facts] = readFacts(found, now)
  return row && { isVerified: row.isVerified, facts }
}

export type CachedFacts = NonNullable<ReturnType<typeof readCachedFacts>>

/** All of the facts but what is taken; undefined without such an active visit type. */
export function readCachedFacts(
  { id, name, specialization, isVerified, visitType, calendars }: Omit<FactsRow, 'busy' | 'patientBusy'>,
  booked?: BookedTerms,
) {
  return (
    visitType && {
      doctor: { id, name, specialization, isVerified },
      visitType: { ...visitType, ...booked },
      clinics: calendars.map(({ id, name, timeZone }) => ({ id, name, timeZone })),
      calendars: calendars.map(readCalendar),
    }
  )
}

/** Standing facts with what is taken at a moment. */
export function factsWithBusyRanges(standing: CachedFacts, { busy, rooms }: Taken, now: Date) {
  const roomsOf = Map.groupBy(rooms.map(readRoom), ({ clinicId }) => clinicId)
  return factsAt(standing, { busy }, roomsOf, now)
}

type Taken = Pick<FactsRow, 'busy'> & Pick<Facts, 'rooms'>

const readRoom = ({ busy, ...room }: RoomRow) => ({ ...room, busy: readRanges(busy) })

function factsAt(
  { doctor, visitType, clinics, calendars }: CachedFacts,
  { busy, patientBusy }: Pick<FactsRow, 'busy'> & Partial<Pick<FactsRow, 'patientBusy'>>,
  roomsOf: Map<string, ReturnType<typeof readRoom>[]>,
  now: Date,
) {
  const roomsAt = (clinicId: string) => roomsOf.get(clinicId) ?? []
  const scheduling: SchedulingFacts = {
    visit: visitType,
    calendars: visitType.requiresRoom
      ? calendars.map((calendar) => ({ ...calendar, rooms: roomsAt(calendar.clinicId).map(({ busy }) => busy) }))
      : calendars,
    busy: readRanges(busy),
    alsoBusy: patientBusy ? readRanges(patientBusy) : [],
    now: now.getTime(),
  }
  return {
    doctor,
    visitType,
    /** Rooms in the order in which they are chosen; none are loaded for a visit that needs none. */
    clinics: clinics.map((clinic) => ({ ...clinic, rooms: roomsAt(clinic.id) })),
    scheduling,
  }
}

export type FactsClinic = DoctorFacts['clinics'][number]

/**
 * The room that a bookable visit gets: the first of the clinic's, the oldest before the others, that is free with the
 * buffers around it; null for a visit that needs none.
 */
export function chooseRoom({ visitType, scheduling }: DoctorFacts, clinic: FactsClinic, start: number) {
  if (!visitType.requiresRoom) return null
  const needed = occupiedRange(scheduling.visit, start)
  const room = clinic.rooms.find(({ busy }) => !busy.some((range) => overlap(range, needed)))
  return room ? { id: room.id, name: room.name } : null
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
      weekly: weekly.map(readWindow),
    })),
    exceptions: exceptions.map(({ kind, startsAt, endsAt }) => ({
      kind,
      startsAt: Date.parse(startsAt),
      endsAt: Date.parse(endsAt),
    })),
    closures,
  }
}

const readRanges = ({ starts, ends }: FactsRow['busy']) => starts.map((start, i) => ({ start, end: ends[i]! }))

export const readRange = ({ startsAt, endsAt }: { startsAt: string; endsAt: string }) => ({
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
  {
    visitTypeId = null,
    patientId = null,
    moving = null,
  }: { visitTypeId?: string | null; patientId?: string | null; moving?: string | null } = {},
) {
  return { ...stretchOf(first - 2 * DAY, last + 3 * DAY), now: ctx.now, visitTypeId, patientId, moving }
}

/** From epoch ms. */
export const stretchOf = (from: number, until: number) => ({
  from: new Date(from),
  until: new Date(until),
  // No zone is a day away from UTC.
  fromDay: localDay(from - DAY, 'UTC'),
  untilDay: localDay(until + DAY, 'UTC'),
})

/** The clinics where the doctor has hours that hold a visit starting then, closed or taken though they may be. */
export const clinicsWithHours = ({ clinics, scheduling }: DoctorFacts, start: number) =>
  clinics.filter(({ id }) => explainStart(scheduling, start, id).some(({ rule, pass }) => rule === 'hours' && pass))

export function toSlot(facts: DoctorFacts, { clinicId, start, end }: BookableStart): Slot {
  // A bookable start lies in one of the doctor's calendars, and each of these is a clinic's.
  const { timeZone } = facts.clinics.find(({ id }) => id === clinicId)!
  return { ...visitAt(facts, clinicId), ...timesOf(start, end, timeZone) }
}

/** What all slots of a doctor at one clinic have in common. */
export const visitAt = ({ doctor, visitType }: DoctorFacts, clinicId: string) => ({
  doctorId: doctor.id,
  doctorName: doctor.name,
  clinicId,
  visitTypeId: visitType.id,
})

export const timesOf = (start: number, end: number, timeZone: string) => ({
  startsAt: utcOf(start),
  endsAt: utcOf(end),
  localStart: localStart(start, timeZone),
})
