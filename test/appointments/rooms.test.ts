import { describe, expect, test } from 'bun:test'
import { expireHolds } from '../../src/appointments/holds/service'
import { createTestApp, NOW } from '../support/app'
import { occupancyFaults } from '../support/occupancy'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const admin = await t.newAdmin()
const at = (time: string, day = '2026-01-06') => `${day}T${time}:00-05:00`
type VisitType = Parameters<typeof t.newDoctor>[0]['visitType']

/** A clinic with `rooms` rooms, and doctors whose visits need a room. */
async function clinicWithRooms(rooms: number) {
  const clinic = await t.newClinic()
  const names = Array.from({ length: rooms }, (_, i) => `Room ${i + 1}`)
  const ids: string[] = []
  for (const name of names) ids.push((await t.as(admin).post(`/clinics/${clinic.id}/rooms`, { name })).body.id)
  const newDoctor = (visitType: VisitType = {}) =>
    t.newDoctor({ clinicId: clinic.id, visitType: { requiresRoom: true, ...visitType } })
  return { clinic, rooms: ids, newDoctor }
}

type Doctor = Awaited<ReturnType<typeof t.newDoctor>>
async function book(doctor: Doctor, time: string, more: object = {}) {
  const patient = await t.newPatient()
  const answer = await t.as(patient.actor).post('/appointments', { doctorId: doctor.id, startsAt: at(time), ...more })
  return { patient, answer, room: answer.body.room?.name as string | undefined, id: answer.body.id as string }
}

async function offered(doctorId: string) {
  const query = { from: '2026-01-06', to: '2026-01-06' }
  const { body } = await t.anonymous.get(`/doctors/${doctorId}/slots`, { query })
  return body.data.map(({ localStart }: { localStart: string }) => localStart.slice(11, 16)) as string[]
}

describe('visits that need a room', () => {
  test('a visit that needs a room gets the oldest free one, and other visits get none', async () => {
    const { newDoctor, rooms, clinic } = await clinicWithRooms(2)
    const [one, two] = [await newDoctor(), await newDoctor()]
    const first = await book(one, '10:00')
    expect(first.answer).toMatchObject({ status: 201, body: { room: { id: rooms[0], name: 'Room 1' } } })
    const read = await t.as(first.patient.actor).get(`/appointments/${first.id}`)
    expect(read.body).toEqual(first.answer.body)
    expect((await book(two, '10:00')).room).toBe('Room 2')
    expect((await book(two, '10:30')).room).toBe('Room 1')
    const without = await book(await t.newDoctor({ clinicId: clinic.id }), '10:00')
    expect(without.answer.body).not.toHaveProperty('room')
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a time without a free room is neither offered nor booked, and the alternatives have a free room', async () => {
    const { newDoctor } = await clinicWithRooms(1)
    const [one, two] = [await newDoctor(), await newDoctor({ bufferBeforeMinutes: 10, bufferAfterMinutes: 10 })]
    await book(one, '10:00')
    // The buffers occupy the room too.
    for (const time of ['09:30', '10:00', '10:30']) expect(await offered(two.id)).not.toContain(time)
    const refused = (await book(two, '10:30')).answer
    expect(refused).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    const times = refused.body.alternatives.map(({ startsAt }: { startsAt: string }) => startsAt)
    expect(times[0]).toBe('2026-01-06T16:00:00Z')
    for (const startsAt of times) {
      const { actor } = await t.newPatient()
      const booked = await t.as(actor).post('/appointments', { doctorId: two.id, startsAt })
      expect([startsAt, booked.status]).toEqual([startsAt, 201])
      await t.as(actor).put(`/appointments/${booked.body.id}/cancel`)
    }
  })

  test('a visit that needs a room cannot be booked once the clinic’s only room is deleted', async () => {
    const { newDoctor, rooms, clinic } = await clinicWithRooms(1)
    const doctor = await newDoctor()
    expect((await book(doctor, '10:00')).room).toBe('Room 1')
    await t.as(admin).delete(`/clinics/${clinic.id}/rooms/${rooms[0]}`)
    expect(await offered(doctor.id)).toEqual([])
    expect((await book(doctor, '11:00')).answer).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
  })

  test('a room is free again when its appointment is cancelled or its hold expires', async () => {
    const { newDoctor } = await clinicWithRooms(1)
    const [one, two] = [await newDoctor(), await newDoctor()]
    const first = await book(one, '10:00')
    expect((await book(two, '10:00')).answer.status).toBe(409)
    await t.as(first.patient.actor).put(`/appointments/${first.id}/cancel`)
    const held = await book(two, '10:00', { hold: true })
    expect(held.room).toBe('Room 1')
    t.clock.advance(5 * 60_000)
    const over = await book(one, '10:00')
    expect(over.room).toBe('Room 1')
    t.clock.set(NOW)
    const { status } = await t.db
      .selectFrom('appointments')
      .select('status')
      .where('id', '=', held.id)
      .executeTakeFirstOrThrow()
    expect(status).toBe('expired')
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a confirmed hold keeps its room', async () => {
    const { newDoctor } = await clinicWithRooms(1)
    const [one, two] = [await newDoctor(), await newDoctor()]
    const held = await book(one, '10:00', { hold: true })
    expect(await t.as(held.patient.actor).put(`/appointments/${held.id}/confirm`)).toMatchObject({
      status: 200,
      body: { room: { name: 'Room 1' } },
    })
    t.clock.advance(60 * 60_000)
    await expireHolds(t.deps, t.clock.now())
    expect((await book(two, '10:00')).answer.status).toBe(409)
    t.clock.set(NOW)
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a rescheduled visit chooses a room again, and its own room counts as free', async () => {
    const { newDoctor } = await clinicWithRooms(2)
    const [one, two] = [await newDoctor({ durationMinutes: 60, slotIntervalMinutes: 30 }), await newDoctor()]
    await book(two, '11:00')
    const second = await book(one, '11:00')
    expect(second.room).toBe('Room 2')
    const move = (time: string) =>
      t.as(second.patient.actor).put(`/appointments/${second.id}/reschedule`, { startsAt: at(time) })
    expect(await move('10:30')).toMatchObject({ status: 200, body: { room: { name: 'Room 2' } } })
    expect(await move('11:30')).toMatchObject({ status: 200, body: { room: { name: 'Room 1' } } })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a visit booked with a room needs one when it is rescheduled, even if its visit type no longer does', async () => {
    const { newDoctor } = await clinicWithRooms(1)
    const [one, two] = [await newDoctor(), await newDoctor()]
    const { patient, id } = await book(one, '10:00')
    await book(two, '12:00')
    await t.db.updateTable('visitTypes').set({ requiresRoom: false }).where('id', '=', one.visitTypeId).execute()
    const move = (time: string) => t.as(patient.actor).put(`/appointments/${id}/reschedule`, { startsAt: at(time) })
    expect(await move('11:00')).toMatchObject({ status: 200, body: { room: { name: 'Room 1' } } })
    expect(await move('12:00')).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a visit booked without a room needs none when it is rescheduled, even if its visit type now does', async () => {
    const { newDoctor } = await clinicWithRooms(0)
    const doctor = await newDoctor({ requiresRoom: false })
    const { patient, id } = await book(doctor, '10:00')
    await t.db.updateTable('visitTypes').set({ requiresRoom: true }).where('id', '=', doctor.visitTypeId).execute()
    const to = { startsAt: at('11:00') }
    expect(await t.as(patient.actor).put(`/appointments/${id}/reschedule`, to)).toMatchObject({ status: 200 })
  })

  test('a visit that needs a room is booked in six round trips and found in one', async () => {
    const { newDoctor } = await clinicWithRooms(3)
    const doctor = await newDoctor()
    const { actor } = await t.newPatient()
    const send = (time: string) => () =>
      wire.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: at(time) })
    await send('09:00')()
    const booked = await wire.measure(send('10:00'))
    expect([booked.answer.status, booked.roundTrips]).toEqual([201, 6])
    const found = await wire.measure(() => wire.anonymous.get(`/doctors/${doctor.id}/slots`))
    expect(found.roundTrips).toBe(1)
  })
})
