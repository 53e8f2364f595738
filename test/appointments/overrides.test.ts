import { describe, expect, test } from 'bun:test'
import { createTestApp } from '../support/app'

const t = await createTestApp()
const admin = await t.newAdmin()
const clinic = await t.newClinic()
const at = (time: string, day = '2026-01-06') => `${day}T${time}:00-05:00`
const SUNDAY = '2026-01-11'
const visitType = { minimumNoticeMinutes: 30 * 60, horizonDays: 10 }
const doctor = await t.newDoctor({ clinicId: clinic.id, visitType })
const reason = 'Urgent, agreed by phone'

async function book(startsAt: string, more: object = {}, actor = admin) {
  const { id } = await t.newPatient()
  const body = { doctorId: doctor.id, patientId: id, startsAt, reason, ...more }
  return t.as(actor).post('/appointments', body)
}

describe('rule overrides by staff', () => {
  test.each([
    ['minimum_notice', at('09:00')],
    ['horizon', at('09:00', '2026-01-26')],
    ['hours', at('20:00', '2026-01-08')],
    ['hours', at('10:10', '2026-01-09')],
    ['hours', at('09:00', SUNDAY)],
  ])('staff may override the rule %s for a time that only this rule forbids', async (rule, startsAt) => {
    expect(await book(startsAt)).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    for (const other of ['minimum_notice', 'horizon', 'hours'].filter((name) => name !== rule))
      expect(await book(startsAt, { override: [other] })).toMatchObject({ body: { code: 'not_bookable' } })
    const booked = await book(startsAt, { override: [rule] })
    expect(booked).toMatchObject({ status: 201, body: { status: 'booked' } })
    const event = await t.db
      .selectFrom('auditOutbox')
      .selectAll()
      .where('targetId', '=', booked.body.id)
      .executeTakeFirstOrThrow()
    expect(event).toMatchObject({ kind: 'appointment.book', actorId: admin.userId, detail: { override: rule } })
    expect(JSON.stringify(event)).not.toContain(reason)
    const stored = await t.db
      .selectFrom('appointments')
      .select('reason')
      .where('id', '=', booked.body.id)
      .executeTakeFirst()
    expect(stored).toEqual({ reason })
  })

  test('staff may override several rules at once, also for a hold', async () => {
    const startsAt = at('19:00', '2026-01-05')
    const override = ['hours', 'minimum_notice']
    expect(await book(startsAt, { override, hold: true })).toMatchObject({ status: 201, body: { status: 'held' } })
  })

  test('a doctor may override rules, a patient may not, and every override needs a reason', async () => {
    const startsAt = at('18:00', '2026-01-08')
    const patient = await t.newPatient()
    await t.newAppointment({ patient, doctor, startsAt: '2025-12-01T15:00:00Z', status: 'completed' })
    const body = { doctorId: doctor.id, patientId: patient.id, startsAt, override: ['hours'] }
    expect(await t.as(patient.actor).post('/appointments', { ...body, reason })).toMatchObject({
      status: 403,
      body: { code: 'forbidden' },
    })
    expect(await t.as(doctor.actor).post('/appointments', body)).toMatchObject({
      status: 422,
      body: { errors: [{ path: 'reason' }] },
    })
    expect(await t.as(doctor.actor).post('/appointments', { ...body, reason })).toMatchObject({ status: 201 })
  })

  test.each([
    ['an unknown rule', ['closure'], 'override.0'],
    ['no rule', [], 'override'],
    ['a rule twice', ['hours', 'hours'], 'override'],
  ])('refuses an override that names %s', async (_title, override, path) => {
    expect(await book(at('18:00'), { override })).toMatchObject({ status: 422, body: { errors: [{ path }] } })
  })

  test('an override cannot double-book the doctor, the patient or a room', async () => {
    const override = ['hours', 'minimum_notice', 'horizon']
    const patient = await t.newPatient()
    const startsAt = at('21:00', '2026-01-12')
    await book(startsAt, { override })
    expect(await book(startsAt, { override })).toMatchObject({ status: 409, body: { code: 'slot_taken' } })
    const other = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: other, startsAt: at('22:00', '2026-01-12') })
    expect(await book(at('22:00', '2026-01-12'), { override, patientId: patient.id })).toMatchObject({
      body: { code: 'patient_busy' },
    })
    const roomless = await t.newDoctor({ clinicId: clinic.id, visitType: { requiresRoom: true } })
    expect(await book(startsAt, { override, doctorId: roomless.id })).toMatchObject({ body: { code: 'slot_taken' } })
  })

  test('an override does not allow time off, a closure, a clinic where the doctor does not work, or the past', async () => {
    const closing = await t.newClinic()
    const closed = await t.newDoctor({ clinicId: closing.id })
    const day = '2026-01-13'
    await t.as(admin).post(`/clinics/${closing.id}/closures`, { startsOn: day, endsOn: day })
    const off = { startsAt: at('09:00', '2026-01-14'), endsAt: at('12:00', '2026-01-14'), kind: 'off' }
    await t.as(closed.actor).post('/doctors/availability/exceptions', off)
    const override = ['hours', 'minimum_notice', 'horizon']
    const failing = async (body: object) => {
      const { body: problem } = await book(at('10:00'), { override, doctorId: closed.id, ...body })
      const broken = problem.rules?.filter(({ pass }: { pass: boolean }) => !pass)
      return broken?.map(({ rule }: { rule: string }) => rule) ?? problem.code
    }
    expect(await failing({ startsAt: at('10:00', day) })).toEqual(['closure'])
    expect(await failing({ startsAt: at('10:00', '2026-01-14') })).toEqual(['time_off'])
    expect(await failing({ clinicId: clinic.id })).toEqual(['hours'])
    expect(await failing({ startsAt: '2026-01-05T11:00:00Z' })).toBe('validation_failed')
  })

  test('an override of one rule still reports another rule that forbids the time', async () => {
    const refused = await book(at('20:00', '2026-01-26'), { override: ['hours'] })
    expect(refused).toMatchObject({ status: 409, body: { code: 'not_bookable' } })
    expect(refused.body.detail).toContain('more than 10 days ahead')
  })
})
