import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import type { Caller } from '../../src/actor'
import { expireHolds } from '../../src/appointments/holds/service'
import { addDays, MINUTE } from '../../src/scheduling/local-time'
import { createTestApp, NOW } from '../support/app'
import type { Answer } from '../support/client'
import { openCopy } from '../support/copies'
import { raceWithHeadStart } from '../support/head-start'
import { occupancyFaults } from '../support/occupancy'

const FULL = process.env.TEST_SCALE === 'full'
const ROUNDS = FULL ? 100 : 2
const LIMIT = 300_000
const PATIENTS = 8

const t = await createTestApp({ POSTGRESQL_POOL_SIZE: '6' })
const clinic = await t.newClinic()
const admin = await t.newAdmin()
const patients = await Promise.all(Array.from({ length: PATIENTS }, () => t.newPatient()))
// Copies of the API whose clocks are half a minute apart.
const copies = [0, 30_000, -30_000].map((ahead) =>
  openCopy(t, { POSTGRESQL_POOL_SIZE: '6' }, () => new Date(t.clock.now().getTime() + ahead)),
)
const copy = (i: number) => copies[i % copies.length]!
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '17:00' }))
const newDoctor = (visitType = {}) => t.newDoctor({ clinicId: clinic.id, weekly: everyDay, visitType })

/** Each round has its own start; `slot` selects later starts of the same day. */
const startOf = (round: number, slot = 0) => {
  const day = addDays('2026-01-07', Math.floor(round / 2))
  return new Date(Date.parse(`${day}T14:00:00Z`) + ((round % 2) * 8 + slot) * 30 * MINUTE).toISOString()
}

type Outcome = Answer<{ code?: string; id: string }>
const send = (i: number, actor: Caller) => copy(i).as(actor)

/** Counts the answers by outcome; a 5xx fails the test. */
function count(answers: Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status, body } of answers) {
    expect(status).toBeLessThan(500)
    const outcome = status < 300 ? 'done' : body.code!
    counts[outcome] = (counts[outcome] ?? 0) + 1
  }
  return counts
}

const statusOf = async (id: string) =>
  (await t.db.selectFrom('appointments').select('status').where('id', '=', id).executeTakeFirstOrThrow()).status

/** Cancels the appointments of a round, so that everybody is free in the next one. */
const cancelAll = (ids: string[]) =>
  Promise.all(ids.map((id, i) => copy(i).as(admin).put(`/appointments/${id}/cancel`)))

async function rounds(run: (round: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    t.clock.set(NOW)
    await run(round)
  }
  t.clock.set(NOW)
  expect(await occupancyFaults(t)).toEqual([])
}

describe('races between status changes', () => {
  test(
    'exactly one of several concurrent holds and bookings of one slot succeeds',
    async () => {
      const doctor = await newDoctor()
      await rounds(async (round) => {
        const body = { doctorId: doctor.id, startsAt: startOf(round) }
        const answers = await Promise.all(
          patients.map(({ actor }, i) =>
            send(i, actor).post('/appointments', { ...body, ...(i % 2 && { hold: true }) }),
          ),
        )
        expect(count(answers)).toEqual({ done: 1, slot_taken: PATIENTS - 1 })
        const winner = answers.find(({ status }) => status === 201)!
        await cancelAll([winner.body.id])
      })
    },
    LIMIT,
  )

  test(
    'exactly three of a patient’s concurrent holds with different doctors succeed',
    async () => {
      const doctors = await Promise.all(Array.from({ length: 6 }, () => newDoctor()))
      const { actor } = await t.newPatient()
      await rounds(async (round) => {
        const answers = await Promise.all(
          doctors.map(({ id }, i) =>
            send(i, actor).post('/appointments', { doctorId: id, startsAt: startOf(round, i), hold: true }),
          ),
        )
        expect(count(answers)).toEqual({ done: 3, invalid_state: 3 })
        await cancelAll(answers.filter(({ status }) => status === 201).map(({ body }) => body.id))
      })
    },
    LIMIT,
  )

  test(
    'at most one of a late confirmation and a booking succeeds while a hold expires',
    async () => {
      const doctor = await newDoctor()
      const [owner, ...others] = patients
      const seen = new Set<string>()
      await rounds(async (round) => {
        const body = { doctorId: doctor.id, startsAt: startOf(round) }
        const { body: hold } = await copies[0]!.as(owner!.actor).post('/appointments', { ...body, hold: true })
        // The hold has expired by one clock and not by another.
        t.clock.advance(5 * MINUTE - 10_000)
        const confirm = (i: number) => send(i, owner!.actor).put(`/appointments/${hold.id}/confirm`)
        const expire = (i: number) => expireHolds(copy(i).deps, copy(i).deps.clock())
        const book = ({ actor }: (typeof others)[number], i: number) =>
          send(i + round, actor).post('/appointments', body)
        const [confirms, [bookings]] = await raceWithHeadStart(
          t.db,
          round,
          () => Promise.all([0, 1, 2, 0].map(confirm)),
          () => Promise.all([Promise.all(others.slice(0, 4).map(book)), ...[0, 1, 2].map(expire)]),
        )
        const confirmed = count(confirms).done ?? 0
        const booked = count(bookings).done ?? 0
        const status = await statusOf(hold.id)
        expect([confirmed + booked <= 1, status]).toEqual([true, confirmed === 1 ? 'booked' : 'expired'])
        seen.add(status)
        const winner = bookings.find(({ status }) => status === 201)?.body.id ?? hold.id
        await cancelAll([winner])
      })
      expect(seen).toEqual(new Set(['booked', 'expired']))
    },
    LIMIT,
  )

  test(
    'a hold that is confirmed and cancelled at the same moment ends as cancelled',
    async () => {
      const doctor = await newDoctor()
      const { actor } = patients[0]!
      await rounds(async (round) => {
        const wanted = { doctorId: doctor.id, startsAt: startOf(round), hold: true }
        const { body: hold } = await copies[0]!.as(actor).post('/appointments', wanted)
        const actions = ['confirm', 'cancel', 'confirm', 'cancel']
        const answers = await Promise.all(
          actions.map((action, i) => send(i, actor).put(`/appointments/${hold.id}/${action}`)),
        )
        const [confirms, cancels] = [0, 1].map((odd) => count(answers.filter((_, i) => i % 2 === odd)))
        expect(cancels).toEqual({ done: 1, invalid_state: 1 })
        expect(confirms!.done ?? 0).toBeLessThanOrEqual(1)
        expect(await statusOf(hold.id)).toBe('cancelled')
      })
    },
    LIMIT,
  )

  test(
    'exactly one request succeeds if several reschedule to one slot or book it at the same moment',
    async () => {
      const doctor = await newDoctor()
      await rounds(async (round) => {
        const movers = await Promise.all(
          patients
            .slice(0, 4)
            .map((patient, i) => t.newAppointment({ patient, doctor, startsAt: startOf(round, i + 1) })),
        )
        const target = startOf(round)
        const answers = await Promise.all([
          ...movers.map(({ id }, i) =>
            send(i, patients[i]!.actor).put(`/appointments/${id}/reschedule`, { startsAt: target }),
          ),
          ...patients
            .slice(4)
            .map(({ actor }, i) => send(i, actor).post('/appointments', { doctorId: doctor.id, startsAt: target })),
        ])
        expect(count(answers)).toEqual({ done: 1, slot_taken: PATIENTS - 1 })
        const winner = answers.find(({ status }) => status < 300)!.body.id
        const ids = new Set([...movers.map(({ id }) => id), winner])
        await cancelAll([...ids])
      })
    },
    LIMIT,
  )

  test(
    'two appointments that are rescheduled to each other’s slot at the same moment keep a valid occupancy',
    async () => {
      const doctor = await newDoctor()
      await rounds(async (round) => {
        const [one, two] = [startOf(round), startOf(round, 1)]
        const first = await t.newAppointment({ patient: patients[0]!, doctor, startsAt: one })
        const second = await t.newAppointment({ patient: patients[1]!, doctor, startsAt: two })
        const move = (i: number, id: string, startsAt: string) =>
          send(i, patients[i % 2]!.actor).put(`/appointments/${id}/reschedule`, { startsAt })
        const answers = await Promise.all([
          move(0, first.id, two),
          move(1, second.id, one),
          move(2, first.id, startOf(round, 2)),
        ])
        expect(Object.values(count(answers)).reduce((sum, n) => sum + n, 0)).toBe(3)
        await cancelAll([first.id, second.id])
      })
    },
    LIMIT,
  )

  test(
    'an appointment that is rescheduled and cancelled at the same moment ends as cancelled',
    async () => {
      const doctor = await newDoctor()
      const { actor, ...patient } = patients[0]!
      await rounds(async (round) => {
        const { id } = await t.newAppointment({ patient: { ...patient, actor }, doctor, startsAt: startOf(round) })
        const answers = await Promise.all([
          send(0, actor).put(`/appointments/${id}/reschedule`, { startsAt: startOf(round, 1) }),
          send(1, actor).put(`/appointments/${id}/cancel`),
          send(2, actor).put(`/appointments/${id}/reschedule`, { startsAt: startOf(round, 2) }),
        ])
        count(answers)
        expect(answers[1]!.status).toBe(200)
        expect(await statusOf(id)).toBe('cancelled')
      })
    },
    LIMIT,
  )

  test(
    'concurrent bookings, holds and moves never use more rooms than the clinic has',
    async () => {
      const small = await t.newClinic()
      for (const name of ['A', 'B']) await t.as(admin).post(`/clinics/${small.id}/rooms`, { name })
      const doctors = await Promise.all(
        Array.from({ length: PATIENTS }, () =>
          t.newDoctor({
            clinicId: small.id,
            weekly: everyDay,
            visitType: { requiresRoom: true, bufferAfterMinutes: 10 },
          }),
        ),
      )
      await rounds(async (round) => {
        const [kept, moving] = [doctors[0]!, patients[0]!]
        const { body: mover } = await copies[0]!
          .as(moving.actor)
          .post('/appointments', { doctorId: kept.id, startsAt: startOf(round, 4) })
        const startsAt = startOf(round)
        const answers = await Promise.all([
          send(0, moving.actor).put(`/appointments/${mover.id}/reschedule`, { startsAt }),
          ...patients.slice(1).map(({ actor }, i) =>
            send(i, actor).post('/appointments', {
              doctorId: doctors[i + 1]!.id,
              startsAt,
              ...(i % 2 && { hold: true }),
            }),
          ),
        ])
        expect(count(answers)).toEqual({ done: 2, slot_taken: PATIENTS - 2 })
        const rooms = await t.db.selectFrom('occupancy').select('resourceId').where('kind', '=', 'room').execute()
        expect(new Set(rooms.map(({ resourceId }) => resourceId)).size).toBe(2)
        const won = answers.filter(({ status }) => status < 300).map(({ body }) => body.id)
        await cancelAll([...new Set([mover.id, ...won])])
      })
    },
    LIMIT,
  )

  test(
    'all concurrent bookings succeed if the clinic has enough rooms',
    async () => {
      const large = await t.newClinic()
      for (const name of ['A', 'B', 'C', 'D']) await t.as(admin).post(`/clinics/${large.id}/rooms`, { name })
      const visitType = { requiresRoom: true }
      const make = () => t.newDoctor({ clinicId: large.id, weekly: everyDay, visitType })
      const doctors = await Promise.all([1, 2, 3, 4].map(make))
      await rounds(async (round) => {
        const wanted = doctors.map(({ id }) => ({ doctorId: id, startsAt: startOf(round) }))
        const answers = await Promise.all(
          wanted.map((body, i) => send(i, patients[i]!.actor).post('/appointments', body)),
        )
        expect(count(answers)).toEqual({ done: 4 })
        await cancelAll(answers.map(({ body }) => body.id))
      })
    },
    LIMIT,
  )

  test('concurrent status changes cause no deadlock', async () => {
    await sql`select pg_stat_force_next_flush()`.execute(t.db)
    const { rows } = await sql`select deadlocks from pg_stat_database where datname = current_database()`.execute(t.db)
    expect(rows).toEqual([{ deadlocks: 0 }])
  })
})
