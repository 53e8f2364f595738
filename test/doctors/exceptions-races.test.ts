import { describe, expect, test } from 'bun:test'
import { addDays } from '../../src/scheduling/local-time'
import { createTestApp } from '../support/app'
import type { Answer } from '../support/client'
import { openCopy } from '../support/copies'

const FULL = process.env.TEST_SCALE === 'full'
const ROUNDS = FULL ? 50 : 2
const BOOKINGS = 8

const t = await createTestApp()
const admin = await t.newAdmin()
// Copies with separate connections, so that only the locks in the database can decide.
const copies = Array.from({ length: 3 }, () => openCopy(t, { POSTGRESQL_POOL_SIZE: '4' }))
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '13:00' }))

type Listed = { id: string }[]
type Changed = Answer<{ affectedAppointments?: Listed; appointmentsOutsideHours?: Listed }>
type Doctor = Awaited<ReturnType<typeof t.newDoctor>>
type Change = (doctor: Doctor, day: string) => Promise<Changed>

const asAdmin = copies[1]!.as(admin)
const asDoctor = ({ actor }: Doctor) => copies[2]!.as(actor)

/** Changes that make a day unbookable; `restore` undoes a change that would affect the next round. */
const CHANGES: Record<string, { change: Change; restore?: Change }> = {
  'time off': {
    change: (doctor, day) =>
      asDoctor(doctor).post('/doctors/availability/exceptions', {
        startsAt: `${day}T05:00:00Z`,
        endsAt: `${day}T23:00:00Z`,
        kind: 'off',
      }),
  },
  'a closure': {
    change: ({ clinicId }, day) => asAdmin.post(`/clinics/${clinicId}/closures`, { startsOn: day, endsOn: day }),
  },
  'a dated schedule without hours': {
    change: (doctor, day) =>
      asDoctor(doctor).post('/doctors/availability', { weekly: [], validFrom: day, validUntil: day }),
  },
  'a new time zone': {
    change: ({ clinicId }) => asAdmin.patch(`/clinics/${clinicId}`, { timeZone: 'Asia/Tokyo' }),
    restore: ({ clinicId }) => asAdmin.patch(`/clinics/${clinicId}`, { timeZone: 'America/New_York' }),
  },
}

describe('loss of hours during bookings', () => {
  test.each(Object.entries(CHANGES))(
    '%s at the same moment as bookings lists the earlier bookings and refuses the later ones',
    async (name, { change, restore }) => {
      const clinic = await t.newClinic()
      const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
      const patients = await Promise.all(Array.from({ length: BOOKINGS }, () => t.newPatient()))
      const rounds: number[] = []
      for (let round = 0; round < ROUNDS; round++) {
        // Backwards, since a new time zone also lists the bookings of earlier rounds, the earliest start first.
        const day = addDays('2026-03-01', -round)
        await restore?.(doctor, day)
        const bookings = patients.map(({ actor }, i) => () => {
          const startsAt = new Date(Date.parse(`${day}T14:00:00Z`) + i * 30 * 60_000).toISOString()
          return copies[i % copies.length]!.as(actor).post('/appointments', { doctorId: doctor.id, startsAt })
        })
        const ahead = round % 4
        const first = bookings.slice(0, ahead).map((book) => book())
        const changing = change(doctor, day)
        const rest = bookings.slice(ahead).map((book) => book())
        const [changed, ...booked] = await Promise.all([changing, ...first, ...rest])
        rounds.push(expectAgreement(changed, booked))
      }
      if (FULL) console.log(`${name}: bookings that came first, by round: ${rounds.join(' ')}`)
    },
    300_000,
  )
})

/** Every booking is either listed by the change or refused; returns the number of bookings made. */
function expectAgreement(changed: Changed, bookings: Answer<{ id: string; code: string }>[]): number {
  expect([200, 201]).toContain(changed.status)
  const made = bookings.filter(({ status }) => status === 201).map(({ body }) => body.id)
  for (const { status, body } of bookings)
    if (status !== 201) expect([status, body.code]).toEqual([409, 'not_bookable'])
  const listed = changed.body.affectedAppointments ?? changed.body.appointmentsOutsideHours ?? []
  expect(listed.map(({ id }) => id)).toEqual(expect.arrayContaining(made))
  return made.length
}
