import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { newId } from '../../src/database/ids'
import { addDays } from '../../src/scheduling/local-time'
import { createTestApp } from '../support/app'
import type { Answer } from '../support/client'
import { openCopy } from '../support/copies'

const FULL = process.env.TEST_SCALE === 'full'
const ROUNDS = FULL ? 50 : 2
const SIMULTANEOUS = FULL ? 200 : 24

const t = await createTestApp()
const clinic = await t.newClinic()
// Five copies of the API with four connections each: the database alone can decide between them.
const copies = Array.from({ length: 5 }, () => openCopy(t, { POSTGRESQL_POOL_SIZE: '4' }))
const patients = await Promise.all(Array.from({ length: SIMULTANEOUS }, () => t.newPatient()))

const timeOfRound = (round: number) => {
  const day = addDays('2026-01-06', Math.floor(round / 8))
  return (offset = 0) => new Date(Date.parse(`${day}T14:00:00Z`) + ((round % 8) * 60 + offset) * 60_000).toISOString()
}
const everyDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({ weekday, start: '09:00', end: '18:00' }))

/** Sends all requests at once, spread over the copies; at full scale, prints the mean and the longest round. */
async function race(title: string, attempt: (round: number, i: number) => { actor: Caller; body: object }) {
  const times: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now()
    const answers = await Promise.all(
      patients.map((_, i) => {
        const { actor, body } = attempt(round, i)
        return copies[i % copies.length]!.as(actor).post('/appointments', body)
      }),
    )
    times.push(performance.now() - began)
    expectOneWinner(answers)
  }
  const mean = times.reduce((sum, time) => sum + time, 0) / times.length
  if (FULL)
    console.log(
      `${title}: ${ROUNDS} rounds of ${SIMULTANEOUS}, mean ${mean.toFixed()} ms, longest ${Math.max(...times).toFixed()} ms`,
    )
}

function expectOneWinner(answers: Answer<{ code: string; alternatives: unknown[] }>[]): void {
  const counts: Record<string, number> = {}
  for (const { status, body } of answers) {
    const outcome = status === 201 ? 'booked' : `${status} ${body.code}`
    counts[outcome] = (counts[outcome] ?? 0) + 1
    if (status === 409) expect(body.alternatives.length).toBeGreaterThanOrEqual(3)
  }
  const { booked, '409 slot_taken': taken = 0, '409 patient_busy': busy = 0, ...others } = counts
  expect({ booked, others }).toEqual({ booked: 1, others: {} })
  expect(taken + busy).toBe(answers.length - 1)
}

const bookingsOf = async (doctorIds: string[]) => {
  const rows = await t.db
    .selectFrom('appointments')
    .leftJoin('occupancy', 'occupancy.appointmentId', 'appointments.id')
    .select(['appointments.id', 'occupancy.kind'])
    .where('appointments.doctorId', 'in', doctorIds)
    .execute()
  return { appointments: new Set(rows.map(({ id }) => id)).size, occupancy: rows.filter(({ kind }) => kind).length }
}

describe('concurrent bookings', () => {
  test('exactly one of many concurrent bookings of one slot succeeds', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
    await race('one slot', (round, i) => ({
      actor: patients[i]!.actor,
      body: { doctorId: doctor.id, startsAt: timeOfRound(round)() },
    }))
    expect(await bookingsOf([doctor.id])).toEqual({ appointments: ROUNDS, occupancy: 2 * ROUNDS })
  }, 300_000)

  test('exactly one of many concurrent bookings of overlapping slots succeeds', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay, visitType: { slotIntervalMinutes: 15 } })
    const long = newId()
    const terms = { durationMinutes: 45, slotIntervalMinutes: 15, priceAmount: 0, priceCurrency: 'USD' }
    await t.db
      .insertInto('visitTypes')
      .values({ id: long, doctorId: doctor.id, name: 'Long', ...terms })
      .execute()
    // 00–45, 15–60, 15–45 and 30–60 past the hour all share 30–45.
    const wanted = [
      { visitTypeId: long, offset: 0 },
      { visitTypeId: long, offset: 15 },
      { visitTypeId: doctor.visitTypeId, offset: 15 },
      { visitTypeId: doctor.visitTypeId, offset: 30 },
    ]
    await race('overlapping slots', (round, i) => {
      const { visitTypeId, offset } = wanted[(i + Math.floor(i / copies.length)) % wanted.length]!
      return {
        actor: patients[i]!.actor,
        body: { doctorId: doctor.id, visitTypeId, startsAt: timeOfRound(round)(offset) },
      }
    })
    expect(await bookingsOf([doctor.id])).toEqual({ appointments: ROUNDS, occupancy: 2 * ROUNDS })
  }, 300_000)

  test('a patient who books two doctors for the same time at once gets one appointment', async () => {
    const doctors = [
      await t.newDoctor({ clinicId: clinic.id, weekly: everyDay }),
      await t.newDoctor({ clinicId: clinic.id, weekly: everyDay }),
    ]
    const ids = doctors.map(({ id }) => id)
    const { actor } = await t.newPatient()
    await race('two doctors', (round, i) => ({
      actor,
      body: { doctorId: ids[(i + Math.floor(i / copies.length)) % 2], startsAt: timeOfRound(round)() },
    }))
    expect(await bookingsOf(ids)).toEqual({ appointments: ROUNDS, occupancy: 2 * ROUNDS })
  }, 300_000)

  test('one idempotency key books once, however often and to whichever copy it is sent', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
    const { actor } = await t.newPatient()
    for (let round = 0; round < ROUNDS; round++) {
      const body = { doctorId: doctor.id, startsAt: timeOfRound(round)() }
      const options = { headers: { 'idempotency-key': `round-${round}` } }
      const send = (i: number) => copies[i % copies.length]!.as(actor).post('/appointments', body, options)
      const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => send(i)))
      const last = await send(0)
      expect(last.headers.get('idempotent-replayed')).toBe('true')
      for (const { status, text, body } of answers) {
        if (status === 201) expect(text).toBe(last.text)
        else expect({ status, code: body.code }).toEqual({ status: 409, code: 'request_in_progress' })
      }
    }
    expect(await bookingsOf([doctor.id])).toEqual({ appointments: ROUNDS, occupancy: 2 * ROUNDS })
  }, 300_000)

  test('cancelling and rebooking a slot at once leaves neither two appointments nor a blocked slot', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: everyDay })
    const [owner, ...others] = await Promise.all(Array.from({ length: 12 }, () => t.newPatient()))
    const last = others.pop()!
    for (let round = 0; round < ROUNDS; round++) {
      const body = { doctorId: doctor.id, startsAt: timeOfRound(round)() }
      const first = await copies[0]!.as(owner!.actor).post('/appointments', body)
      const cancels = Array.from({ length: 4 }, (_, i) =>
        copies[i]!.as(owner!.actor).put(`/appointments/${first.body.id}/cancel`),
      )
      const rebooks = others.map(({ actor }, i) => copies[i % copies.length]!.as(actor).post('/appointments', body))
      const cancelled = await Promise.all(cancels)
      expect(cancelled.map(({ status }) => status).toSorted()).toEqual([200, 409, 409, 409])
      const won = (await Promise.all(rebooks)).filter(({ status }) => status === 201)
      expect(won.length).toBeLessThanOrEqual(1)
      const { status } = await copies[0]!.as(last.actor).post('/appointments', body)
      expect(status).toBe(won.length === 1 ? 409 : 201)
    }
    const booked = await t.db
      .selectFrom('appointments')
      .innerJoin('occupancy', 'occupancy.appointmentId', 'appointments.id')
      .select(['appointments.status', 'occupancy.kind'])
      .where('appointments.doctorId', '=', doctor.id)
      .execute()
    expect(booked.length).toBe(2 * ROUNDS)
    expect(new Set(booked.map(({ status }) => status))).toEqual(new Set(['booked']))
  }, 300_000)
})
