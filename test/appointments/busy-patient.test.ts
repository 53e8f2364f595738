import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const elsewhere = await t.newDoctor({ clinicId: clinic.id })
/** Works on Saturdays too, but not at the time at which the patient is busy. */
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient()
const TEN = '2026-01-06T15:00:00Z'
const EARLY = '2026-01-06T13:30:00Z'
for (const startsAt of [TEN, EARLY])
  await t.newAppointment({ patient, doctor: elsewhere, startsAt, createdBy: patient.actor })
const own = await t.newAppointment({ patient, doctor, startsAt: '2026-01-07T15:00:00Z', createdBy: patient.actor })

const visit = { doctorId: doctor.id, patientId: patient.id }
const every = { weeks: 1 }
const book = (actor: Caller, body: object) => t.as(actor).post('/appointments', { ...visit, ...body })
const series = (actor: Caller, body: object) =>
  t
    .as(actor)
    .post('/appointments/series', { ...visit, startsAt: TEN, every, count: 2, mode: 'all_or_nothing', ...body })
const move = (actor: Caller, startsAt: string) => t.as(actor).put(`/appointments/${own.id}/reschedule`, { startsAt })
const eventsOf = ({ headers }: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['kind', 'outcome', 'actorId', 'patientIds'])
    .where('requestId', '=', headers.get('x-request-id')!)
    .execute()

const STAFF: [string, Caller][] = [
  ['a doctor', doctor.actor],
  ['an admin', admin],
]

describe.each(STAFF)('a refusal that tells %s that the patient is busy', (_who, actor) => {
  test.each([
    ['appointment.book', 'patient_busy', () => book(actor, { startsAt: TEN })],
    ['appointment.book', 'patient_busy', () => book(actor, { startsAt: TEN, hold: true })],
    ['appointment.book', 'not_bookable', () => book(actor, { startsAt: EARLY })],
    ['appointment.reschedule', 'patient_busy', () => move(actor, TEN)],
    ['appointment.reschedule', 'not_bookable', () => move(actor, EARLY)],
    ['appointment.book_series', 'patient_busy', () => series(actor, {})],
    ['appointment.book_series', 'not_bookable', () => series(actor, { startsAt: EARLY })],
  ])('%s with %s names no times of the patient and leaves one denied event (case %#)', async (kind, code, send) => {
    const refused = await send()
    expect(refused).toMatchObject({ status: 409, body: { code } })
    expect(refused.text).not.toContain('busy from')
    const rule = refused.body.rules?.find(({ rule }: { rule: string }) => rule === 'patient_free')
    if (code === 'not_bookable' && rule)
      expect(rule).toEqual({ rule: 'patient_free', pass: false, detail: 'the patient is busy' })
    expect(await eventsOf(refused)).toEqual([
      { kind, outcome: 'denied', actorId: actor.userId, patientIds: [patient.id] },
    ])
  })

  test('a dry run, and a series that books what is free, leave a denied event beside their own', async () => {
    for (const body of [{ dryRun: true }, { mode: 'what_is_free' }]) {
      const answer = await series(actor, body)
      expect(answer.status).toBeLessThan(300)
      expect(answer.body.occurrences[0].problem.code).toBe('patient_busy')
      const outcomes = (await eventsOf(answer)).map(({ outcome, patientIds }) => ({ outcome, patientIds }))
      expect(outcomes).toEqual([
        { outcome: 'denied', patientIds: [patient.id] },
        { outcome: 'success', patientIds: [patient.id] },
      ])
      for (const { appointment } of answer.body.occurrences)
        if (appointment) await t.as(admin).put(`/appointments/${appointment.id}/cancel`)
    }
  })
})

describe('refusals that tell staff nothing about the patient', () => {
  test('a patient reads the times of their own visits, and the refusal leaves no event', async () => {
    const refused = await book(patient.actor, { startsAt: EARLY })
    expect(refused.body.rules).toContainEqual({
      rule: 'patient_free',
      pass: false,
      detail: expect.stringContaining('busy from'),
    })
    expect(await eventsOf(refused)).toEqual([])
  })

  test('a refusal for a patient who is free leaves no event', async () => {
    expect(await eventsOf(await book(admin, { startsAt: '2026-01-06T13:00:00Z' }))).toEqual([])
  })
})
