import { describe, expect, test } from 'bun:test'
import { EXPIRY_BATCH, expireHolds } from '../../src/appointments/holds/service'
import { createTestApp, NOW } from '../support/app'
import { occupancyFaults } from '../support/occupancy'
import { countRoundTrips } from '../support/round-trips'

const t = await createTestApp({ HOLD_MINUTES: '7' })
const wire = await countRoundTrips(t)
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const MINUTE = 60_000
const at = (time: string, day = '2026-01-06') => `${day}T${time}:00-05:00`
const HELD_UNTIL = '2026-01-05T12:07:00Z'

async function hold(time = '10:00', terms: object = {}) {
  const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
  const body = { doctorId: doctor.id, startsAt: at(time), hold: true, ...terms }
  const held = await t.as(patient.actor).post('/appointments', body)
  return { patient, doctor, held, id: held.body.id as string, path: `/appointments/${held.body.id}/confirm` }
}

const stored = (id: string) =>
  t.db.selectFrom('appointments').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
const events = (id: string) =>
  t.auditEvents().select(['kind', 'action', 'actorId', 'patientIds', 'detail']).where('targetId', '=', id).execute()

/** Runs `work` some minutes later, then sets the clock back. */
async function later<T>(minutes: number, work: () => Promise<T>): Promise<T> {
  t.clock.advance(minutes * MINUTE)
  try {
    return await work()
  } finally {
    t.clock.set(NOW)
  }
}

describe('holds', () => {
  test('a hold blocks its slot for HOLD_MINUTES and does not give the doctor access to the patient', async () => {
    const { patient, doctor, held, id } = await hold()
    expect(held).toMatchObject({ status: 201, body: { status: 'held', holdExpiresAt: HELD_UNTIL, version: 1 } })
    expect(await t.as(patient.actor).get(`/appointments/${id}`)).toMatchObject({ body: held.body })
    expect(await stored(id)).toMatchObject({ status: 'held', holdExpiresAt: new Date(HELD_UNTIL) })
    expect(await events(id)).toMatchObject([
      { kind: 'appointment.book', action: 'C', patientIds: [patient.id], detail: { hold: true } },
      { kind: 'appointment.read' },
    ])
    const other = await t.newPatient()
    const body = { doctorId: doctor.id, startsAt: at('10:00') }
    expect(await t.as(other.actor).post('/appointments', body)).toMatchObject({ body: { code: 'slot_taken' } })
    expect(await t.as(doctor.actor).get(`/patients/${patient.id}`)).toMatchObject({ status: 404 })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a hold expires at the start of the visit at the latest', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id, weekly: [{ weekday: 1, start: '07:05', end: '08:00' }] })
    const body = { doctorId: doctor.id, startsAt: '2026-01-05T12:05:00Z', hold: true }
    const { actor } = await t.newPatient()
    expect(await t.as(actor).post('/appointments', body)).toMatchObject({
      body: { status: 'held', holdExpiresAt: '2026-01-05T12:05:00Z' },
    })
  })

  test('refuses a fourth active hold of a patient, also from an admin, and does not count expired holds', async () => {
    const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
    const make = (time: string, more: object = {}) =>
      t.as(patient.actor).post('/appointments', { doctorId: doctor.id, startsAt: at(time), hold: true, ...more })
    for (const time of ['09:00', '09:30', '10:00']) expect(await make(time)).toMatchObject({ status: 201 })
    expect(await make('10:30')).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    const byAdmin = { doctorId: doctor.id, startsAt: at('10:30'), hold: true, patientId: patient.id }
    expect(await t.as(admin).post('/appointments', byAdmin)).toMatchObject({ body: { code: 'invalid_state' } })
    expect(await make('10:30', { hold: undefined })).toMatchObject({ status: 201, body: { status: 'booked' } })
    await later(7, async () => expect(await make('11:00')).toMatchObject({ status: 201 }))
  })

  test('a booking or a hold takes six round trips if no expired hold is in the way', async () => {
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const { actor } = await t.newPatient()
    const book = (time: string, more: object) => () =>
      wire.as(actor).post('/appointments', { doctorId: doctor.id, startsAt: at(time), ...more })
    await book('09:00', {})()
    for (const work of [book('10:00', {}), book('11:00', { hold: true })]) {
      const { answer, roundTrips } = await wire.measure(work)
      expect([answer.status, roundTrips]).toEqual([201, 6])
    }
  })
})

describe('confirmation of a hold', () => {
  test('a confirmed hold becomes a booked appointment that does not expire', async () => {
    const { patient, doctor, held, id, path } = await hold()
    const confirmed = await later(6.99, () => t.as(patient.actor).put(path))
    const { holdExpiresAt: _, ...kept } = held.body
    expect(confirmed).toMatchObject({ status: 200, body: { ...kept, status: 'booked', version: 2 } })
    expect(confirmed.body).not.toHaveProperty('holdExpiresAt')
    expect(confirmed.headers.get('etag')).toBe('"2"')
    expect(await stored(id)).toMatchObject({ status: 'booked', holdExpiresAt: null })
    expect((await events(id)).at(-1)).toMatchObject({
      kind: 'appointment.confirm',
      action: 'U',
      actorId: patient.actor.userId,
      patientIds: [patient.id],
    })
    const other = await t.newPatient()
    const body = { doctorId: doctor.id, startsAt: at('10:00') }
    await later(60, async () => {
      expect(await t.as(other.actor).post('/appointments', body)).toMatchObject({ body: { code: 'slot_taken' } })
      await expireHolds(t.deps, t.clock.now())
    })
    expect(await stored(id)).toMatchObject({ status: 'booked' })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('a hold cannot be confirmed from the instant of its expiry on, whether or not the expiry job has run', async () => {
    const { patient, id, path } = await hold()
    await later(7, async () => {
      expect(await t.as(patient.actor).put(path)).toMatchObject({ status: 409, body: { code: 'hold_expired' } })
      await expireHolds(t.deps, t.clock.now())
      expect(await stored(id)).toMatchObject({ status: 'expired' })
      expect(await t.as(patient.actor).put(path)).toMatchObject({ status: 409, body: { code: 'hold_expired' } })
    })
  })

  test('only the patient, their guardian and the creator of a hold may confirm it', async () => {
    const guardian = await t.newPatient()
    const otherAdmin = await t.newAdmin()
    const byAdmin = async () => {
      const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
      const body = { doctorId: doctor.id, patientId: patient.id, startsAt: at('10:00'), hold: true }
      const { body: held } = await t.as(admin).post('/appointments', body)
      await t.db
        .insertInto('patientGuardians')
        .values({ userId: guardian.actor.userId, patientId: patient.id })
        .execute()
      const confirm = (actor: typeof admin) => t.as(actor).put(`/appointments/${held.id}/confirm`)
      return { patient, doctor, confirm }
    }
    const one = await byAdmin()
    const stranger = await t.newDoctor({ clinicId: clinic.id })
    expect(await one.confirm((await t.newPatient()).actor)).toMatchObject({ status: 404 })
    expect(await one.confirm(stranger.actor)).toMatchObject({ status: 404 })
    for (const actor of [one.doctor.actor, otherAdmin])
      expect(await one.confirm(actor)).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await one.confirm(one.patient.actor)).toMatchObject({ status: 200 })
    expect(await (await byAdmin()).confirm(guardian.actor)).toMatchObject({ status: 200 })
    expect(await (await byAdmin()).confirm(admin)).toMatchObject({ status: 200 })
  })

  test('confirming checks If-Match and refuses an appointment that is not held', async () => {
    const { patient, path, id } = await hold()
    const as = t.as(patient.actor)
    expect(await as.put(path, undefined, { headers: { 'if-match': '"2"' } })).toMatchObject({ status: 412 })
    expect(await as.put(path, undefined, { headers: { 'if-match': '"1"' } })).toMatchObject({ status: 200 })
    expect(await as.put(path)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    await as.put(`/appointments/${id}/cancel`)
    expect(await as.put(path)).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    expect(await as.put(`/appointments/${crypto.randomUUID()}/confirm`)).toMatchObject({ status: 404 })
  })
})

describe('expired holds', () => {
  test('an expired hold blocks nobody before the expiry job runs, and a booking of its slot marks it as expired', async () => {
    const { patient, doctor, id } = await hold()
    const other = await t.newPatient()
    const payment = await t.as(patient.actor).post('/payments', { appointmentId: id, method: 'cash' })
    const query = { from: '2026-01-06', to: '2026-01-06' }
    const body = { doctorId: doctor.id, startsAt: at('10:00') }
    await later(7, async () => {
      const slots = await t.anonymous.get(`/doctors/${doctor.id}/slots`, { query })
      expect(slots.body.data.map(({ startsAt }: { startsAt: string }) => startsAt)).toContain('2026-01-06T15:00:00Z')
      expect(await t.as(other.actor).post('/appointments', body)).toMatchObject({ status: 201 })
    })
    expect(await stored(id)).toMatchObject({ status: 'expired', version: 2 })
    expect(await t.as(patient.actor).get(`/payments/${payment.body.id}`)).toMatchObject({
      body: { status: 'cancelled' },
    })
    expect((await events(id)).at(-1)).toMatchObject({
      kind: 'appointment.expire',
      action: 'U',
      actorId: null,
      patientIds: [patient.id],
    })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('an expired hold does not stop its patient from booking another doctor at that time', async () => {
    const { patient, id } = await hold('11:00')
    const doctor = await t.newDoctor({ clinicId: clinic.id })
    const body = { doctorId: doctor.id, startsAt: at('11:00') }
    expect(await t.as(patient.actor).post('/appointments', body)).toMatchObject({ body: { code: 'patient_busy' } })
    await later(7, async () =>
      expect(await t.as(patient.actor).post('/appointments', body)).toMatchObject({ status: 201 }),
    )
    expect(await stored(id)).toMatchObject({ status: 'expired' })
  })

  test('an expired hold that no booking needs is marked by the next run of the expiry job', async () => {
    const { doctor, id } = await hold('09:00')
    const { id: live } = await hold('09:00')
    await t.db
      .updateTable('appointments')
      .set({ holdExpiresAt: new Date('2026-01-05T13:00:00Z') })
      .where('id', '=', live)
      .execute()
    await t.db
      .updateTable('occupancy')
      .set({ expiresAt: new Date('2026-01-05T13:00:00Z') })
      .where('appointmentId', '=', live)
      .execute()
    const other = await t.newPatient()
    await later(7, async () => {
      await t.as(other.actor).post('/appointments', { doctorId: doctor.id, startsAt: at('10:00') })
      expect(await stored(id)).toMatchObject({ status: 'held' })
      expect(await expireHolds(t.deps, t.clock.now())).toBeGreaterThanOrEqual(1)
      expect(await expireHolds(t.deps, t.clock.now())).toBe(0)
    })
    expect(await stored(id)).toMatchObject({ status: 'expired' })
    expect(await stored(live)).toMatchObject({ status: 'held' })
    expect(await occupancyFaults(t)).toEqual([])
  })

  test('expiry jobs that run at once on several copies expire each hold once', async () => {
    const [patient, doctor] = [await t.newPatient(), await t.newDoctor({ clinicId: clinic.id })]
    const count = 12
    for (let i = 0; i < count; i++)
      await t.newAppointment({
        patient,
        doctor,
        startsAt: new Date(Date.parse('2027-01-05T12:00:00Z') + i * 30 * MINUTE),
        status: 'held',
        holdExpiresAt: NOW,
      })
    const runs = await Promise.all([1, 2, 3].map(() => expireHolds(t.deps, NOW)))
    expect(count).toBeLessThan(EXPIRY_BATCH)
    expect(runs.reduce((sum, done) => sum + done, 0)).toBe(count)
    expect(await occupancyFaults(t)).toEqual([])
  })
})
