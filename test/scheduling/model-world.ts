import type { Caller } from '../../src/actor'
import { newId } from '../../src/database/ids'
import type { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'

const MINUTE = 60_000

/** A Monday, 08:50 in New York. */
export const BEGIN = Date.parse('2026-01-05T13:50:00Z')
const HOURS = { 'America/New_York': ['09:00', '12:00'], 'Europe/Berlin': ['15:00', '18:00'] } as const
/** Milliseconds by which the clocks of the copies differ. */
export const SKEW = 30_000
const SKEWS = [-SKEW, 0, SKEW]

export type Doctor = {
  id: string
  actor: Caller
  clinicIds: string[]
  visitTypeId: string
  durationMinutes: number
  slotIntervalMinutes: number
  bufferBeforeMinutes: number
  bufferAfterMinutes: number
  requiresRoom: boolean
}
export type Clinic = { id: string; timeZone: keyof typeof HOURS; roomIds: string[]; weekly: Weekly }
type Weekly = { weekday: number; start: string; end: string }[]
export type Copy = ReturnType<typeof openCopy> & { now: () => number }
export type World = Awaited<ReturnType<typeof createModelWorld>>

/**
 * Two clinics in different time zones with the same three opening hours and fewer rooms than doctors; few doctors, of
 * whom one works in both clinics; many patients. So most requests compete for the same times.
 */
export async function createModelWorld(
  t: Awaited<ReturnType<typeof createTestApp>>,
  size: { patients: number; days: number },
) {
  t.clock.set(new Date(BEGIN))
  const copies: Copy[] = SKEWS.map((skew) => {
    const now = () => t.clock.now().getTime() + skew
    return { ...openCopy(t, { POSTGRESQL_POOL_SIZE: '10' }, () => new Date(now())), now }
  })
  const clinics = [await newClinic(t, 'America/New_York', 2), await newClinic(t, 'Europe/Berlin', 1)] as const
  const [here, there] = clinics
  // Together longer than a step of the grid, so that checking only one buffer would allow a wrong start.
  const buffers = { bufferBeforeMinutes: 10, bufferAfterMinutes: 10 }
  const doctors = [
    await newDoctor(t, [here], { durationMinutes: 30, slotIntervalMinutes: 30 }),
    await newDoctor(t, [here], { durationMinutes: 30, slotIntervalMinutes: 15, requiresRoom: true, ...buffers }),
    await newDoctor(t, [here, there], { durationMinutes: 45, slotIntervalMinutes: 15, requiresRoom: true }),
    await newDoctor(t, [there], { durationMinutes: 20, slotIntervalMinutes: 20, requiresRoom: true, ...buffers }),
  ]
  const patients = await Promise.all(Array.from({ length: size.patients }, () => t.newPatient()))
  const admins = [await t.newAdmin(), await t.newAdmin()]
  const times = Array.from({ length: size.days * 12 }, (_, i) => {
    const opening = Date.parse('2026-01-05T14:00:00Z') + Math.floor(i / 12) * 86_400_000
    return opening + (i % 12) * 15 * MINUTE
  })
  return { t, copies, clinics, doctors, patients, admins, times }
}

type TestApp = Awaited<ReturnType<typeof createTestApp>>

async function newClinic(t: TestApp, timeZone: keyof typeof HOURS, rooms: number): Promise<Clinic> {
  const { id } = await t.newClinic({ timeZone })
  const made = Array.from({ length: rooms }, (_, i) => ({ id: newId(), clinicId: id, name: `Room ${i}` }))
  await t.db.insertInto('rooms').values(made).execute()
  const [start, end] = HOURS[timeZone]
  const weekly = [1, 2, 3, 4, 5].map((weekday) => ({ weekday, start, end }))
  return { id, timeZone, roomIds: made.map(({ id }) => id), weekly }
}

type Terms = Pick<Doctor, 'durationMinutes' | 'slotIntervalMinutes'> &
  Partial<Pick<Doctor, 'bufferBeforeMinutes' | 'bufferAfterMinutes' | 'requiresRoom'>>

async function newDoctor(t: TestApp, [first, ...others]: Clinic[], visitType: Terms): Promise<Doctor> {
  const doctor = await t.newDoctor({ clinicId: first!.id, weekly: first!.weekly, visitType })
  for (const { id: clinicId, weekly } of others) {
    const scheduleId = newId()
    const of = { doctorId: doctor.id, clinicId }
    await t.db.insertInto('doctorClinics').values(of).execute()
    await t.db
      .insertInto('schedules')
      .values({ id: scheduleId, ...of })
      .execute()
    await t.db
      .insertInto('scheduleWindows')
      .values(weekly.map(({ weekday, start, end }) => ({ scheduleId, weekday, startTime: start, endTime: end })))
      .execute()
  }
  const { id, actor, visitTypeId } = doctor
  const clinicIds = [first!, ...others].map((clinic) => clinic.id)
  const defaults = { bufferBeforeMinutes: 0, bufferAfterMinutes: 0, requiresRoom: false }
  return { id, actor, visitTypeId, clinicIds, ...defaults, ...visitType }
}
