import { expect, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp()
const wire = await countRoundTrips(t)
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
const at = (time: string) => `2026-01-06T${time}:00-05:00`
const book = (time: string, headers = {}) =>
  wire.as(patient.actor).post('/appointments', { doctorId: doctor.id, startsAt: at(time) }, { headers })
await book('09:00')

test('a booking takes six round trips, its Idempotency-Key included', async () => {
  const { answer, roundTrips } = await wire.measure(() => book('10:00', { 'idempotency-key': 'six' }))
  expect(answer.status).toBe(201)
  expect(roundTrips).toBe(6)
})

test('a refused booking takes no round trip for alternatives near it, and two to look farther and at other doctors', async () => {
  const refused = await wire.measure(() => book('10:00'))
  expect(refused.answer.body).toMatchObject({ code: 'slot_taken' })
  expect(refused.answer.body.alternatives).toHaveLength(5)
  const [begin, locks, load, rollback] = [1, 1, 1, 1]
  expect(refused.roundTrips).toBe(begin + locks + load + rollback)
  const brief = await t.newDoctor({ clinicId: clinic.id, visitType: { horizonDays: 1 }, weekly: [] })
  const scheduleId = crypto.randomUUID()
  await t.db.deleteFrom('schedules').where('doctorId', '=', brief.id).execute()
  await t.db.insertInto('schedules').values({ id: scheduleId, doctorId: brief.id, clinicId: clinic.id }).execute()
  await t.db
    .insertInto('scheduleWindows')
    .values({ scheduleId, weekday: 2, startTime: '09:00', endTime: '09:30' })
    .execute()
  await t.newAppointment({ patient: await t.newPatient(), doctor: brief, startsAt: at('09:00') })
  const poor = await wire.measure(() =>
    wire.as(patient.actor).post('/appointments', { doctorId: brief.id, startsAt: at('09:00') }),
  )
  expect(poor.answer.body).toMatchObject({ code: 'slot_taken' })
  expect(poor.roundTrips).toBe(begin + locks + load + rollback + 2)
})

test('a start that was refused before is refused in two round trips, without transaction, until it is free again', async () => {
  const { body: taken } = await book('11:00')
  await book('11:00')
  await book('11:00', { 'idempotency-key': 'a refused one' })
  const refused = await wire.measure(() => book('11:00'))
  expect(refused.answer).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
  expect(refused.answer.body.alternatives).toHaveLength(5)
  const [facts, patientAndRelation] = [1, 1]
  expect(refused.roundTrips).toBe(facts + patientAndRelation)
  await t.as(patient.actor).put(`/appointments/${taken.id}/cancel`, {})
  expect((await book('11:00')).status).toBe(201)
})

test('a retry of the booking that took a start gets its stored answer, although the start is refused to others', async () => {
  const key = { 'idempotency-key': 'retried' }
  const first = await book('12:00', key)
  const others = [await book('12:00'), await book('12:00')]
  expect(others.map(({ status }) => status)).toEqual([409, 409])
  const again = await book('12:00', key)
  expect(again).toMatchObject({ status: 201, body: first.body })
  expect(again.headers.get('idempotent-replayed')).toBe('true')
})

test('reading one appointment takes one round trip, its audit event included', async () => {
  const { body } = await t.as(patient.actor).get('/appointments')
  const read = await wire.measure(() => wire.as(patient.actor).get(`/appointments/${body.data[0].id}`))
  expect(read.answer.body).toEqual(body.data[0])
  expect(read.roundTrips).toBe(1)
})

test('a page of appointments takes two round trips with its audit event, and a slot search takes one', async () => {
  const list = await wire.measure(() => wire.as(patient.actor).get('/appointments'))
  expect(list.answer.body.data.length).toBeGreaterThan(1)
  expect(list.roundTrips).toBe(2)
  const slots = await wire.measure(() => wire.anonymous.get(`/doctors/${doctor.id}/slots`))
  expect(slots.answer.body.data.length).toBeGreaterThan(10)
  expect(slots.roundTrips).toBe(1)
})
