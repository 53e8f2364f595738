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

/** A clinic with so many rooms, and doctors whose visits need one. */
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

describe('a visit that needs a room', () => {
  test('gets the oldest that is free, at once, and shows it; one that needs none gets none', async () => {
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

  test('cannot be where no room is free: neither offered nor booked, but with times at which there is one', async () => {
    const { newDoctor } = await clinicWithRooms(1)
    const [one, two] = [await newDoctor(), await newDoctor({ bufferBeforeMinutes: 10, bufferAfterMinutes: 10 })]
    await book(one, '10:00')
    // Its buffers take the room too.
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

  test('cannot be in a clinic without rooms, nor in one that is out of use', async () => {
    const { newDoctor, rooms, clinic } = await clinicWithRooms(1)
    const doctor = await newDoctor()
    expect((await book(doctor, '10:00')).room).toBe('Room 1')
    await t.as(admin).delete(`/clinics/${clinic.id}/rooms/${rooms[0]}`)
    expect(await offered(doctor.id)).toEqual([])
    expect((await book(doctor, '11:00')).answer).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
  })

  test('frees it when it is cancelled or its hold lapses', async () => {
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

  test('keeps it when its hold is confirmed', async () => {
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

  test('chooses anew when it is moved, its own room counting as free', async () => {
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

  test('that was booked with one has one wherever it is moved, though the visit type asks for none by now', async () => {
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

  test('that was booked without one needs none when it is moved', async () => {
    const { newDoctor } = await clinicWithRooms(0)
    const doctor = await newDoctor({ requiresRoom: false })
    const { patient, id } = await book(doctor, '10:00')
    await t.db.updateTable('visitTypes').set({ requiresRoom: true }).where('id', '=', doctor.visitTypeId).execute()
    const to = { startsAt: at('11:00') }
    expect(await t.as(patient.actor).put(`/appointments/${id}/reschedule`, to)).toMatchObject({ status: 200 })
  })

  test('is booked in six round trips like any other, and found in one', async () => {
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
