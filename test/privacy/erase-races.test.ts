import { describe, expect, test } from 'bun:test'
import { settlePaidAppointment } from '../../src/appointments/paid-holds/service'
import { inTransaction } from '../../src/database/transaction'
import { createTestApp } from '../support/app'
import { raceWithHeadStart } from '../support/head-start'

const ROUNDS = process.env.TEST_SCALE === 'full' ? 28 : 6
const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const startOf = (round: number) => new Date(Date.parse('2026-01-06T14:00:00Z') + round * 1_800_000).toISOString()
const wish = { doctorId: doctor.id, from: '2026-01-06', to: '2026-01-16' }
const ERASED = { status: 409, body: { code: 'invalid_state' } }

describe('an erased patient', () => {
  test('cannot be booked, held, booked in a series or put on the waiting list by anybody', async () => {
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: '2026-01-02T15:00:00Z', status: 'completed' })
    expect((await t.as(admin).post(`/patients/${patient.id}/erase`)).status).toBe(200)
    const body = { doctorId: doctor.id, patientId: patient.id, startsAt: '2026-01-20T15:00:00Z' }
    const series = { ...body, every: { weeks: 1 }, count: 2, mode: 'what_is_free' }
    for (const actor of [admin, doctor.actor]) {
      expect(await t.as(actor).post('/appointments', body)).toMatchObject(ERASED)
      expect(await t.as(actor).post('/appointments', { ...body, hold: true })).toMatchObject(ERASED)
      expect(await t.as(actor).post('/appointments/series', series)).toMatchObject(ERASED)
    }
    expect(await t.as(admin).post('/waitlist', { ...wish, patientId: patient.id })).toMatchObject(ERASED)
  })

  test('gets no expired hold back when its payment arrives after the erasure', async () => {
    const patient = await t.newPatient()
    const { id } = await t.newAppointment({ patient, doctor, startsAt: '2026-01-13T15:00:00Z', status: 'expired' })
    expect((await t.as(admin).post(`/patients/${patient.id}/erase`)).status).toBe(200)
    const ctx = { ...t.deps, now: t.clock.now() }
    expect(await inTransaction(ctx, (ctx) => settlePaidAppointment(ctx, id))).toBe('slot_lost')
  })

  test('has no visit to come and waits for none, however the erasure and the request meet', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const patient = await t.newPatient()
      const actor = round % 3 === 0 ? admin : patient.actor
      const body = { doctorId: doctor.id, patientId: patient.id, startsAt: startOf(round) }
      const [erased] = await raceWithHeadStart(
        t.db,
        round,
        () => t.as(admin).post(`/patients/${patient.id}/erase`),
        () =>
          Promise.all([
            t.as(actor).post('/appointments', body),
            t.as(actor).post('/waitlist', { ...wish, patientId: patient.id }),
          ]),
      )
      const booked = t.db.selectFrom('appointments').select('id').where('patientId', '=', patient.id)
      const waiting = t.db.selectFrom('waitlistEntries').select('id').where('patientId', '=', patient.id)
      if (erased.status === 200) expect([await booked.execute(), await waiting.execute()]).toEqual([[], []])
      else expect(erased).toMatchObject(ERASED)
    }
  })
})
