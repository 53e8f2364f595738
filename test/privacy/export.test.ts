import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { form, MULTIPART, pdf } from '../records/files'
import { createTestApp, NOW } from '../support/app'
import { openCopy } from '../support/copies'
import { impatient } from '../support/impatient'

const t = await createTestApp()
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const HOUR = 3_600_000
const REASON = 'Canary emergency reason'
const at = (hours: number) => new Date(NOW.getTime() + hours * HOUR)

/** A patient with data in every section of the export, marked by canary words. */
async function known() {
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  const [patient, guardian, ward] = [await t.newPatient(), await t.newPatient(), await t.newPatient()]
  const id = patient.id
  const userId = patient.actor.userId
  const personal = {
    name: 'Canary Name',
    email: 'canary-contact@example.org',
    phone: '+1 212 555 7731',
    address: 'Canary Street 1',
  }
  expect((await t.as(patient.actor).patch(`/patients/${id}`, personal)).status).toBe(200)
  await t.db
    .updateTable('users')
    .set({ email: `canary-login@${id}.example.org` })
    .where('id', '=', userId)
    .execute()
  await t.db
    .updateTable('sessions')
    .set({ ip: '203.0.113.77', userAgent: 'Canary Browser' })
    .where('userId', '=', userId)
    .execute()
  await t.db
    .insertInto('patientGuardians')
    .values([
      { userId: guardian.actor.userId, patientId: id },
      { userId, patientId: ward.id },
    ])
    .execute()
  const booked = await t.newAppointment({ patient, doctor, startsAt: at(24), reason: 'Canary reason' })
  const cancelled = await t.newAppointment({ patient, doctor, startsAt: at(48) })
  const why = { reason: 'Canary cancellation' }
  expect((await t.as(patient.actor).put(`/appointments/${cancelled.id}/cancel`, why)).status).toBe(200)
  await t.newAppointment({ patient, doctor, startsAt: at(72), status: 'expired' })
  const payment = await t.as(patient.actor).post('/payments', { appointmentId: booked.id, method: 'insurance' })
  const note = { type: 'visit_note', title: 'Canary title', data: { text: 'Canary note' } }
  const record = await t.as(doctor.actor).post(`/patients/${id}/records`, note)
  const scan = form({ filename: 'Canary scan.pdf', content: pdf() })
  const attached = await t.as(doctor.actor).post(`/records/${record.body.id}/attachments`, scan, { headers: MULTIPART })
  expect(attached.status).toBe(201)
  const medicines = [
    {
      name: 'Canary medicine',
      dosage: 'Canary dosage',
      frequency: 'Canary frequency',
      durationDays: 3,
      notes: 'Canary advice',
    },
  ]
  const prescription = await t.as(doctor.actor).post(`/patients/${id}/prescriptions`, { medicines })
  const emergency = await t.newDoctor({ clinicId: clinic.id })
  await t.as(emergency.actor).post(`/patients/${id}/emergency-access`, { reason: REASON })
  return { doctor, emergency, patient, guardian, ward, booked, cancelled, payment, record, prescription }
}

const CONTACT = [
  'Canary Name',
  'canary-contact@example.org',
  'canary-login@',
  '+1 212 555 7731',
  'Canary Street 1',
  '203.0.113.77',
  'Canary Browser',
]
const CLINICAL = [
  'Canary reason',
  'Canary cancellation',
  'Canary title',
  'Canary note',
  'Canary scan.pdf',
  'Canary medicine',
  'Canary dosage',
  'Canary frequency',
  'Canary advice',
]

describe('the export of a patient', () => {
  test('the export contains all data about the patient', async () => {
    const given = await known()
    const { patient, guardian, ward, doctor, emergency, record, prescription, payment } = given
    const answer = await t.as(patient.actor).get(`/patients/${patient.id}/export`)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="patient-${patient.id}.json"`)
    for (const canary of [...CONTACT, ...CLINICAL, REASON]) expect(answer.text).toContain(canary)
    const { body } = answer
    expect(body.exportedAt).toBe('2026-01-05T12:00:00Z')
    expect(body.patient).toMatchObject({ id: patient.id, name: 'Canary Name', dateOfBirth: '1990-05-17', version: 2 })
    expect(body.account).toMatchObject({ id: patient.actor.userId, role: 'patient', status: 'active' })
    expect(body.guardians).toEqual([{ userId: guardian.actor.userId, name: guardian.name }])
    expect(body.guardianOf).toEqual([{ patientId: ward.id }])
    expect(body.sessions).toMatchObject([{ id: patient.actor.sessionId, ip: '203.0.113.77' }])
    expect(body.appointments.map(({ status }: { status: string }) => status)).toEqual([
      'booked',
      'cancelled',
      'expired',
    ])
    expect(body.appointments[0]).toMatchObject({
      id: given.booked.id,
      doctorName: doctor.name,
      reason: 'Canary reason',
    })
    expect(body.payments).toMatchObject([{ id: payment.body.id, method: 'insurance', amount: 9500 }])
    const shown = await t.as(doctor.actor).get(`/records/${record.body.id}`)
    expect(body.records).toEqual([shown.body])
    expect(shown.body.attachments).toHaveLength(1)
    expect(body.prescriptions).toEqual([prescription.body])
    expect(body.emergencyAccess).toMatchObject([{ doctorId: emergency.id, reason: REASON }])
    expect(body.accessLog.map(({ kind }: { kind: string }) => kind)).toEqual([
      'patient.export',
      'emergency_access',
      'prescription.create',
      'attachment.create',
      'record.create',
      'payment.create',
      'appointment.cancel',
      'patient.update',
    ])
  })

  test('the export of a patient is audited', async () => {
    const { patient } = await known()
    const { headers } = await t.as(patient.actor).get(`/patients/${patient.id}/export`)
    const requestId = headers.get('x-request-id')!
    const events = await t.auditEvents().selectAll().where('requestId', '=', requestId).execute()
    expect(events).toMatchObject([
      { kind: 'patient.export', action: 'R', outcome: 'success', patientIds: [patient.id], targetId: patient.id },
    ])
  })

  test('the export for an admin contains no clinical text', async () => {
    const { patient } = await known()
    const { status, text, body } = await t.as(admin).get(`/patients/${patient.id}/export`)
    expect(status).toBe(200)
    for (const canary of CLINICAL) expect(text).not.toContain(canary)
    for (const canary of CONTACT) expect(text).toContain(canary)
    expect(body).toMatchObject({ records: null, prescriptions: null })
    expect(body.appointments).toHaveLength(3)
  })

  test('only the patient, their guardians and admins can export a patient', async () => {
    const { patient, guardian, ward, doctor } = await known()
    const path = `/patients/${patient.id}/export`
    expect((await t.as(guardian.actor).get(path)).status).toBe(200)
    expect((await t.as(ward.actor).get(path)).status).toBe(404)
    expect((await t.as(doctor.actor).get(path)).status).toBe(403)
    expect((await t.as(admin).get(`/patients/${crypto.randomUUID()}/export`)).status).toBe(404)
  })

  test('the export of a patient without an account is complete too', async () => {
    const patient = await t.newPatient({ account: false })
    const { status, body } = await t.as(admin).get(`/patients/${patient.id}/export`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ account: null, sessions: [], guardians: [], appointments: [], payments: [] })
  })

  test('the export continues over batches and pages', async () => {
    const { patient, doctor } = await known()
    await addCancelled(patient.id, 450)
    const written = new Set<string>()
    for (let i = 0; i < 45; i++) {
      const note = { type: 'visit_note', title: `Note ${i}`, data: {} }
      written.add((await t.as(doctor.actor).post(`/patients/${patient.id}/records`, note)).body.id)
    }
    const { body } = await t.as(patient.actor).get(`/patients/${patient.id}/export`)
    const ids = (items: { id: string }[]) => new Set(items.map(({ id }) => id))
    expect(body.appointments).toHaveLength(453)
    expect(ids(body.appointments).size).toBe(453)
    expect(body.records).toHaveLength(46)
    expect(ids(body.records).isSupersetOf(written)).toBe(true)
  })

  test('the export contains every column about the patient of each table it reads', async () => {
    const { patient } = await known()
    const { body } = await t.as(patient.actor).get(`/patients/${patient.id}/export`)
    const sections: Record<string, object> = {
      patients: body.patient,
      users: body.account,
      sessions: body.sessions[0],
      appointments: body.appointments[0],
      payments: body.payments[0],
      emergency_access: body.emergencyAccess[0],
    }
    const missing: Record<string, string[]> = {}
    for (const [table, section] of Object.entries(sections)) {
      const { rows } = await sql<{ name: string }>`
        select column_name as name from information_schema.columns where table_name = ${table} and table_schema = 'public'`.execute(
        t.db,
      )
      const shown = new Set(Object.keys(section).map((key) => key.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)))
      missing[table] = rows.map(({ name }) => name).filter((name) => !shown.has(name) && !NOT_ABOUT_THEM.has(name))
    }
    expect(missing).toEqual(Object.fromEntries(Object.keys(sections).map((table) => [table, []])))
  })
})

/** Columns that the export omits: references to the patient, secrets, internal settings, and copies made for searches. */
const NOT_ABOUT_THEM = new Set([
  ...['patient_id', 'user_id', 'password_hash', 'pepper_version', 'generation', 'rotated_at', 'records_deleted_at'],
  ...['buffer_before_minutes', 'buffer_after_minutes', 'calendar_sequence', 'room_id'],
  ...['folded', 'search_text', 'phone_digits'],
  ...[
    'provider_status',
    'provider_status_at',
    'superseded',
    'release_requested_at',
    'release_attempts',
    'release_retry_at',
  ],
])

describe('a failing export', () => {
  test('the export and the access log are a 503 without MongoDB', async () => {
    const { patient } = await known()
    const copy = openCopy(t, { MONGODB_URI: impatient('mongodb://127.0.0.1:1/none') })
    const asPatient = copy.as(patient.actor)
    const answers = ['export', 'access-log'].map((path) => asPatient.get(`/patients/${patient.id}/${path}`))
    for (const { status } of await Promise.all(answers)) expect(status).toBe(503)
  })

  test('an export that fails midway cuts the connection instead of ending as if it were complete', async () => {
    const { patient } = await known()
    // Enough data that the answer has begun when the stream reaches the broken record.
    await addCancelled(patient.id, 450)
    const records = t.deps.mongo.db.collection('medical_records')
    await records.updateOne({ patientId: patient.id }, { $set: { schemaVersion: 2, doctor: null } })
    const token = await signAccessToken(t.deps.config, patient.actor, NOW)
    const server = Bun.serve({ port: 0, development: false, fetch: (request) => t.app.fetch(request) })
    try {
      const headers = { authorization: `Bearer ${token}` }
      const answer = await fetch(new URL(`/patients/${patient.id}/export`, server.url), { headers })
      expect(answer.status).toBe(200)
      expect(await answer.text().catch(() => 'cut off')).toBe('cut off')
    } finally {
      await server.stop(true)
    }
  })
})

/** Adds `count` copies of the patient's cancelled appointment. */
async function addCancelled(patientId: string, count: number): Promise<void> {
  await sql`
    insert into appointments
      select (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid()))).*
      from appointments as a, generate_series(1, ${count}::integer)
      where a.patient_id = ${patientId} and a.status = 'cancelled'`.execute(t.db)
}
