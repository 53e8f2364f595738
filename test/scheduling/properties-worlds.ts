import fc from 'fast-check'
import type { Insertable } from 'kysely'
import type { AppointmentsTable } from '../../src/appointments/tables'
import { newId } from '../../src/database/ids'
import type { ClinicCalendar, SchedulingFacts, VisitRules } from '../../src/scheduling/slots'
import type { TestApp } from '../support/app'
import { changeDaysOf2026 } from './oracle'

const MINUTE = 60_000
const DAY = 86_400_000

type State = 'booked' | 'held' | 'lapsed' | 'cancelled'
/** An existing appointment: of the doctor, or (by number) in a room of the doctor's first clinic. */
type Planted = { of: 'doctor' | number; start: number; end: number; before: number; after: number; state: State }

export type World = {
  visit: VisitRules & { requiresRoom: boolean }
  calendars: ClinicCalendar[]
  rooms: number
  planted: Planted[]
  now: number
  fromDay: string
  untilDay: string
}

/** Time zones with unusual offsets or clock changes, chosen more often than others. */
const ODD = [
  'Australia/Lord_Howe',
  'America/Santiago',
  'Europe/Dublin',
  'Asia/Kathmandu',
  'America/Havana',
  'Africa/Cairo',
]
const timeZone = fc.oneof(fc.constantFrom(...ODD), fc.constantFrom(...Intl.supportedValuesOf('timeZone')))
/** A zone with one of the days on which its clocks change. */
const place = timeZone.chain((timeZone) =>
  fc.constantFrom(...changeDaysOf2026(timeZone).map((day) => ({ timeZone, day }))),
)

const visit = fc.record({
  durationMinutes: fc.constantFrom(15, 20, 30, 45, 90),
  slotIntervalMinutes: fc.constantFrom(15, 20, 25, 30, 60),
  bufferBeforeMinutes: fc.constantFrom(0, 0, 5, 20),
  bufferAfterMinutes: fc.constantFrom(0, 0, 10, 30),
  minimumNoticeMinutes: fc.constantFrom(0, 0, 60, 1440),
  horizonDays: fc.constantFrom(1, 3, 90, 90, 90),
  requiresRoom: fc.constantFrom(false, false, true),
})

const timeOfDay = fc.integer({ min: 0, max: 96 }).map((quarter) => {
  return `${String(Math.floor(quarter / 4)).padStart(2, '0')}:${String((quarter % 4) * 15).padStart(2, '0')}`
})

/** One or two windows on each of four days around `day`, which do not overlap, as the API demands. */
const weeklyAround = (day: string) => {
  const sundayBased = new Date(`${day}T12:00:00Z`).getUTCDay()
  const windowsOfDay = fc.uniqueArray(timeOfDay, { minLength: 2, maxLength: 5 }).map((times) => times.toSorted())
  return fc.tuple(windowsOfDay, windowsOfDay, windowsOfDay, windowsOfDay).map((days) =>
    days.flatMap(([a, b, c, d], i) => {
      const weekday = ((sundayBased + i + 5) % 7) + 1
      return [
        { weekday, start: a!, end: b! },
        ...(c !== undefined && d !== undefined ? [{ weekday, start: c, end: d }] : []),
      ]
    }),
  )
}

/** A doctor of one or two clinics around a clock change, with schedules, exceptions, closures and appointments. */
export const world: fc.Arbitrary<World> = place.chain(({ timeZone, day }) => {
  const noon = Date.parse(`${day}T12:00:00Z`)
  const dayOf = (offset: number) => new Date(noon + offset * DAY).toISOString().slice(0, 10)
  const minuteNear = fc.integer({ min: -1440, max: 1440 }).map((minutes) => noon + minutes * MINUTE)
  const exceptions = fc.array(
    fc
      .record({
        kind: fc.constantFrom('off' as const, 'extra' as const),
        startsAt: minuteNear,
        minutes: fc.integer({ min: 1, max: 600 }),
      })
      .map(({ kind, startsAt, minutes }) => ({ kind, startsAt, endsAt: startsAt + minutes * MINUTE })),
    { maxLength: 3 },
  )
  const dates = fc
    .tuple(fc.integer({ min: -1, max: 1 }), fc.integer({ min: 0, max: 1 }))
    .map(([from, length]) => ({ startsOn: dayOf(from), endsOn: dayOf(from + length) }))
  const weekly = weeklyAround(day)
  const schedules = fc
    .record({ weekly, dated: fc.option(fc.record({ dates, weekly }), { freq: 3, nil: undefined }) })
    .map(({ weekly, dated }) => [
      { validFrom: null, validUntil: null, windows: weekly },
      ...(dated ? [{ validFrom: dated.dates.startsOn, validUntil: dated.dates.endsOn, windows: dated.weekly }] : []),
    ])
  const calendar = (clinicId: string, zone: fc.Arbitrary<string>): fc.Arbitrary<ClinicCalendar> =>
    fc.record({
      clinicId: fc.constant(clinicId),
      timeZone: zone,
      schedules,
      exceptions,
      closures: fc.array(dates, { maxLength: 1, size: 'xsmall' }),
    })
  const home = calendar('home', fc.constant(timeZone))
  const away = calendar('away', fc.constantFrom('Europe/Berlin', 'Asia/Kathmandu', 'America/New_York'))
  const planted = fc
    .record({
      of: fc.constantFrom('doctor' as const, 'doctor' as const, 0, 1),
      start: minuteNear,
      minutes: fc.integer({ min: 5, max: 120 }),
      before: fc.constantFrom(0, 0, 15),
      after: fc.constantFrom(0, 0, 25),
      state: fc.constantFrom<State>('booked', 'booked', 'held', 'lapsed', 'cancelled'),
    })
    .map(({ minutes, ...rest }) => ({ ...rest, end: rest.start + minutes * MINUTE }))
  return fc.record({
    visit,
    calendars: fc.oneof({ weight: 3, arbitrary: fc.tuple(home) }, { weight: 1, arbitrary: fc.tuple(home, away) }),
    rooms: fc.integer({ min: 0, max: 2 }),
    planted: fc.array(planted, { maxLength: 10 }).map(withoutOverlaps),
    now: fc.oneof({ weight: 1, arbitrary: minuteNear }, { weight: 4, arbitrary: fc.constant(noon - 3 * DAY) }),
    fromDay: fc.constantFrom(dayOf(-1), dayOf(0)),
    untilDay: fc.constantFrom(dayOf(0), dayOf(1)),
  })
})

const taken = ({ start, end, before, after }: Planted) => ({
  start: start - before * MINUTE,
  end: end + after * MINUTE,
})

/** Buffers of two neighbours add up; a cancelled appointment occupies nothing. */
const withoutOverlaps = (planted: Planted[]) =>
  planted.filter((one, i) => {
    const earlier = planted.slice(0, i).filter(({ of, state }) => of === one.of && state !== 'cancelled')
    return earlier.every((other) => taken(one).end <= taken(other).start || taken(other).end <= taken(one).start)
  })

const blocks = ({ state }: Planted) => state === 'booked' || state === 'held'

/** The facts of a world, for the engine and for its oracle. */
export function factsOf({ visit, calendars, rooms, planted, now }: World): SchedulingFacts {
  const busyOf = (of: Planted['of']) => planted.filter((one) => one.of === of && blocks(one)).map(taken)
  const roomsOf = ({ clinicId }: ClinicCalendar) =>
    Array.from({ length: clinicId === 'home' ? rooms : 1 }, (_, i) => (clinicId === 'home' ? busyOf(i) : []))
  return {
    visit,
    calendars: calendars.map((calendar) => ({ ...calendar, ...(visit.requiresRoom && { rooms: roomsOf(calendar) }) })),
    busy: busyOf('doctor'),
    now,
  }
}

export type Planting = Awaited<ReturnType<typeof plant>>

/** Puts a world into the database and sets the clock; `clinics` are the ids in the order of the calendars. */
export async function plant(t: TestApp, { visit, calendars, rooms, planted, now }: World) {
  t.clock.set(new Date(now))
  const clinics = await Promise.all(calendars.map(({ timeZone }) => t.newClinic({ timeZone })))
  const doctor = await t.newDoctor({
    clinicId: clinics[0]!.id,
    specialization: `Specialty ${newId()}`,
    weekly: calendars[0]!.schedules[0]!.windows,
    visitType: visit,
  })
  for (const [i, calendar] of calendars.entries()) {
    const ids = { doctorId: doctor.id, clinicId: clinics[i]!.id }
    if (i > 0) await t.db.insertInto('doctorClinics').values(ids).execute()
    for (const { validFrom, validUntil, windows } of calendar.schedules.slice(i === 0 ? 1 : 0)) {
      const scheduleId = newId()
      await t.db
        .insertInto('schedules')
        .values({ id: scheduleId, ...ids, validFrom, validUntil })
        .execute()
      const rows = windows.map(({ weekday, start, end }) => ({ scheduleId, weekday, startTime: start, endTime: end }))
      await t.db.insertInto('scheduleWindows').values(rows).execute()
    }
    for (const { kind, startsAt, endsAt } of calendar.exceptions)
      await t.db
        .insertInto('availabilityExceptions')
        .values({ id: newId(), ...ids, kind, startsAt: new Date(startsAt), endsAt: new Date(endsAt) })
        .execute()
    for (const closure of calendar.closures)
      await t.db
        .insertInto('clinicClosures')
        .values({ id: newId(), clinicId: ids.clinicId, ...closure })
        .execute()
  }
  const roomIds = await addRooms(t, clinics[0]!.id, rooms)
  for (const { id } of clinics.slice(1)) await addRooms(t, id, 1)
  await addAppointments(t, { doctor, planted, now, roomIds, clinic: clinics[0]! })
  return { doctor, clinics: clinics.map(({ id }) => id) }
}

async function addRooms(t: TestApp, clinicId: string, count: number): Promise<string[]> {
  const rooms = Array.from({ length: count }, (_, i) => ({ id: newId(), clinicId, name: `Room ${i}` }))
  if (count > 0) await t.db.insertInto('rooms').values(rooms).execute()
  return rooms.map(({ id }) => id)
}

type Doctor = Awaited<ReturnType<TestApp['newDoctor']>>
type Clinic = Awaited<ReturnType<TestApp['newClinic']>>
type Setting = { doctor: Doctor; clinic: Clinic; planted: Planted[]; now: number; roomIds: string[] }

/** Inserted directly, as if booked on other terms long ago; each room with appointments has its own doctor. */
async function addAppointments(t: TestApp, { doctor, clinic, planted, now, roomIds }: Setting): Promise<void> {
  const colleagues = new Map<number, Doctor>()
  for (const one of planted) {
    const { of, start, end, before, after, state } = one
    const room = of === 'doctor' ? undefined : roomIds[of]
    if (of !== 'doctor' && room === undefined) continue
    if (of !== 'doctor' && !colleagues.has(of))
      colleagues.set(of, await t.newDoctor({ clinicId: clinic.id, visitType: { active: false } }))
    const whose = of === 'doctor' ? doctor : colleagues.get(of)!
    const patient = await t.newPatient({ account: false })
    const holdExpiresAt = { held: new Date(now + 1), lapsed: new Date(now), booked: null, cancelled: null }[state]
    const appointment = {
      id: newId(),
      patientId: patient.id,
      doctorId: whose.id,
      clinicId: clinic.id,
      roomId: room ?? null,
      visitTypeId: whose.visitTypeId,
      startsAt: new Date(start),
      endsAt: new Date(end),
      date: new Date(start).toISOString().slice(0, 10),
      status: state === 'lapsed' ? 'held' : state,
      holdExpiresAt,
      createdBy: whose.actor.userId,
      createdByRole: 'doctor',
      timeZone: clinic.timeZone,
      mode: 'in_person',
      priceAmount: 0,
      priceCurrency: 'USD',
      cancellationFreeUntilMinutes: 0,
      cancellationLateRefundPercent: 0,
      bufferBeforeMinutes: before,
      bufferAfterMinutes: after,
    } satisfies Partial<Insertable<AppointmentsTable>>
    // Omitted columns are null by default, which the table types do not state for every column.
    await t.db
      .insertInto('appointments')
      .values(appointment as Insertable<AppointmentsTable>)
      .execute()
    if (state === 'cancelled') continue
    const row = { appointmentId: appointment.id, during: rangeText(taken(one)), expiresAt: holdExpiresAt }
    await t.db
      .insertInto('occupancy')
      .values([
        { ...row, kind: 'doctor', resourceId: whose.id },
        { ...row, kind: 'patient', resourceId: patient.id, during: rangeText(one) },
        ...(room ? [{ ...row, kind: 'room' as const, resourceId: room }] : []),
      ])
      .execute()
  }
}

const rangeText = ({ start, end }: { start: number; end: number }) =>
  `[${new Date(start).toISOString()},${new Date(end).toISOString()})`
