import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
const patient = await t.newPatient({ name: 'Canary Bird' })
const admin = await t.newAdmin()
const appointment = await t.newAppointment({ patient, doctor, startsAt: '2026-01-06T15:00:00Z', reason: 'Canary' })
await t.newAppointment({ patient, doctor, startsAt: NOW })
const { body: record } = await t
  .as(doctor.actor)
  .post(`/patients/${patient.id}/records`, { type: 'visit_note', title: 'Canary', data: {} })

const asDoctor = t.as(doctor.actor)
const asPatient = t.as(patient.actor)

/** Each way of making the outbox unwritable, and of undoing it. */
describe.each([
  [
    'refuses rows',
    'alter table audit_outbox add constraint closed check (false) not valid',
    'alter table audit_outbox drop constraint closed',
  ],
  [
    'is gone',
    'alter table audit_outbox rename to audit_elsewhere',
    'alter table audit_elsewhere rename to audit_outbox',
  ],
])('an outbox that %s', (_, close, open) => {
  beforeAll(() => sql.raw(close).execute(t.db))
  afterAll(() => sql.raw(open).execute(t.db))

  test.each([
    ['reading a patient', () => asDoctor.get(`/patients/${patient.id}`)],
    ['listing records', () => asPatient.get(`/patients/${patient.id}/records`)],
    ['reading a record', () => asPatient.get(`/records/${record.id}`)],
    ['reading an appointment', () => asPatient.get(`/appointments/${appointment.id}`)],
    ['listing patients', () => t.as(admin).get('/patients')],
    ['changing a patient', () => asPatient.patch(`/patients/${patient.id}`, { phone: '+1 212 555 0100' })],
    [
      'cancelling under an idempotency key',
      () => asPatient.put(`/appointments/${appointment.id}/cancel`, {}, { headers: { 'idempotency-key': 'closed' } }),
    ],
    [
      'writing a record',
      () => asDoctor.post(`/patients/${patient.id}/records`, { type: 'visit_note', title: 'Canary', data: {} }),
    ],
    [
      'writing a record under an idempotency key',
      () =>
        asDoctor.post(
          `/patients/${patient.id}/records`,
          { type: 'visit_note', title: 'Canary', data: {} },
          { headers: { 'idempotency-key': 'closed' } },
        ),
    ],
    ['a denied request', () => asPatient.get('/patients')],
    ['reading an unknown patient', () => asDoctor.get(`/patients/${crypto.randomUUID()}`)],
    [
      'a failed sign-in',
      () => t.anonymous.post('/auth/login', { email: 'a@example.org', password: 'a long passphrase 1' }),
    ],
  ])('%s answers 503 without patient data while the outbox cannot be written', async (_, send) => {
    const { status, body, text, headers } = await send()
    expect([status, body.code]).toEqual([503, 'unavailable'])
    expect(headers.get('retry-after')).toBe('2')
    expect(text).not.toContain('Canary')
  })

  test('no write succeeds while the outbox cannot be written, and requests without an audit event do', async () => {
    expect((await t.anonymous.get('/clinics')).status).toBe(200)
    const stored = await t.db
      .selectFrom('patients')
      .select(['phone', 'version'])
      .where('id', '=', patient.id)
      .executeTakeFirstOrThrow()
    expect(stored).toEqual({ phone: null, version: 1 })
    const { status } = await t.db
      .selectFrom('appointments')
      .select('status')
      .where('id', '=', appointment.id)
      .executeTakeFirstOrThrow()
    expect(status).toBe('booked')
    expect(await t.deps.mongo.collection('medical_records').countDocuments()).toBe(1)
    expect(await t.db.selectFrom('idempotencyKeys').select('id').execute()).toEqual([])
  })
})

test('a record can be read again once the outbox can be written', async () => {
  expect((await asPatient.get(`/records/${record.id}`)).body.title).toBe('Canary')
})
