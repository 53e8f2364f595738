import { describe, expect, test } from 'bun:test'
import { medicalRecords } from '../../src/records/collections'
import { createTestApp, NOW } from '../support/app'
import { medicine, note, pairsOf } from './pairs'

const t = await createTestApp()
const clinic = await t.newClinic()
const newPair = pairsOf(t, clinic)
const DAYS_AHEAD = new Date(NOW.getTime() + 2 * 86_400_000)

const eventsOf = (answer: { headers: Headers }) =>
  t.auditEvents().selectAll().where('requestId', '=', answer.headers.get('x-request-id')).execute()

describe('a record', () => {
  test('a record is written by a doctor and read by the doctor and the patient', async () => {
    const { doctor, patient, appointment, asDoctor, asPatient } = await newPair()
    const body = note('Follow-up', { appointmentId: appointment.id })
    const created = await asDoctor.post(`/patients/${patient.id}/records`, body)
    expect(created.status).toBe(201)
    expect(created.body).toEqual({
      id: created.body.id,
      patientId: patient.id,
      doctor: { id: doctor.id, name: doctor.name },
      type: 'visit_note',
      title: 'Follow-up',
      appointmentId: appointment.id,
      data: { plan: 'rest' },
      originalData: null,
      createdAt: '2026-01-05T12:00:00Z',
      amendments: [],
      attachments: [],
    })
    expect(created.headers.get('location')).toBe(`/records/${created.body.id}`)
    for (const reader of [asDoctor, asPatient])
      expect((await reader.get(`/records/${created.body.id}`)).text).toBe(created.text)
    expect(await medicalRecords(t.deps.mongo).findOne({ _id: created.body.id })).toMatchObject({
      schemaVersion: 1,
      patientId: patient.id,
      doctorId: doctor.id,
      createdAt: NOW,
    })
  })

  test('a record keeps the name that its doctor had at the time of writing', async () => {
    const { doctor, patient, asDoctor, asPatient } = await newPair()
    const { body } = await asDoctor.post(`/patients/${patient.id}/records`, note())
    await t.db.updateTable('doctors').set({ name: 'Married Name' }).where('id', '=', doctor.id).execute()
    expect((await asPatient.get(`/records/${body.id}`)).body.doctor).toEqual({ id: doctor.id, name: doctor.name })
  })

  test.each([
    ['a malformed type', { type: 'Visit Note' }, 'type'],
    ['a type that is too short', { type: 'x' }, 'type'],
    ['an empty title', { title: ' ' }, 'title'],
    ['data that is not an object', { data: [] }, 'data'],
    ['data over 64 KiB', { data: { text: 'é'.repeat(32_770) } }, 'data'],
    ['a field name with $', { data: { deep: [{ $where: '1' }] } }, 'data.deep.0.$where'],
    ['a field name with NUL', { data: { 'a\0b': 1 } }, 'data'],
    ['an unknown field', { urgent: true }, 'urgent'],
    ['an appointment that does not exist', { appointmentId: crypto.randomUUID() }, 'appointmentId'],
  ])('a record is refused for %s', async (_, change, path) => {
    const { patient, asDoctor } = await newPair()
    const answer = await asDoctor.post(`/patients/${patient.id}/records`, { ...note(), ...change })
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed', errors: [{ path }] } })
    expect(await medicalRecords(t.deps.mongo).countDocuments({ patientId: patient.id })).toBe(0)
  })

  test('record data may have 64 KiB and 20 levels, but no more', async () => {
    const { patient, asDoctor } = await newPair()
    const write = async (data: unknown) =>
      (await asDoctor.post(`/patients/${patient.id}/records`, note('x', { data }))).status
    const ofBytes = (bytes: number) => ({ t: 'a'.repeat(bytes - '{"t":""}'.length) })
    expect(await write(ofBytes(65_536))).toBe(201)
    expect(await write(ofBytes(65_537))).toBe(422)
    const nested = (depth: number): unknown => (depth === 1 ? {} : { n: nested(depth - 1) })
    expect(await write(nested(20))).toBe(201)
    expect(await write(nested(21))).toBe(422)
  })

  test('a record cannot refer to an appointment of another patient or another doctor', async () => {
    const { patient, doctor, asDoctor } = await newPair()
    const other = await newPair()
    const theirs = await t.newAppointment({ patient, doctor: other.doctor, startsAt: DAYS_AHEAD })
    const ours = await t.newAppointment({ patient: other.patient, doctor, startsAt: DAYS_AHEAD })
    for (const appointmentId of [theirs.id, ours.id]) {
      const answer = await asDoctor.post(`/patients/${patient.id}/records`, note('x', { appointmentId }))
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ path: 'appointmentId' }] } })
    }
  })

  test('a record cannot be written by a patient or an admin', async () => {
    const { patient, asPatient } = await newPair()
    const admin = t.as(await t.newAdmin())
    for (const client of [asPatient, admin])
      expect((await client.post(`/patients/${patient.id}/records`, note())).status).toBe(403)
  })

  test('a record is the same 404 for a stranger as an unknown record', async () => {
    const { patient, asDoctor } = await newPair()
    const stranger = await newPair()
    const { body } = await asDoctor.post(`/patients/${patient.id}/records`, note())
    for (const client of [stranger.asDoctor, stranger.asPatient]) {
      const answer = await client.get(`/records/${body.id}`)
      const unknown = await client.get(`/records/${crypto.randomUUID()}`)
      expect(answer.status).toBe(404)
      expect({ ...answer.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
    }
  })
})

describe('a prescription', () => {
  test('a prescription is written and read like a record', async () => {
    const { doctor, patient, asDoctor, asPatient } = await newPair()
    const medicines = [medicine, { ...medicine, name: 'Aspirin', notes: 'after meals' }]
    const created = await asDoctor.post(`/patients/${patient.id}/prescriptions`, { medicines })
    expect(created.status).toBe(201)
    expect(created.body).toEqual({
      id: created.body.id,
      patientId: patient.id,
      doctor: { id: doctor.id, name: doctor.name },
      appointmentId: null,
      medicines,
      createdAt: '2026-01-05T12:00:00Z',
      status: 'active',
      activeUntil: '2026-04-04',
      events: [],
    })
    expect(created.headers.get('location')).toBe(`/prescriptions/${created.body.id}`)
    expect((await asPatient.get(`/prescriptions/${created.body.id}`)).text).toBe(created.text)
    expect((await asPatient.get(`/patients/${patient.id}/prescriptions`)).body.data).toEqual([created.body])
    expect((await asPatient.get(`/records/${created.body.id}`)).status).toBe(404)
  })

  test.each([
    [{ medicines: [] }, 'medicines'],
    [{ medicines: [{ ...medicine, durationDays: 0 }] }, 'medicines.0.durationDays'],
    [{ medicines: [{ ...medicine, dosage: '' }] }, 'medicines.0.dosage'],
    [{ medicines: [{ ...medicine, refills: 3 }] }, 'medicines.0.refills'],
  ])('a prescription like %j is refused', async (body, path) => {
    const { patient, asDoctor } = await newPair()
    const answer = await asDoctor.post(`/patients/${patient.id}/prescriptions`, body)
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } })
  })
})

describe('an author without a treatment relationship', () => {
  test('an author whose treatment relationship has ended can read their own records and nothing else', async () => {
    const { patient, doctor, appointment, asDoctor } = await newPair()
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: colleague, startsAt: DAYS_AHEAD })
    const path = `/patients/${patient.id}/records`
    const own = (await asDoctor.post(path, note('own'))).body
    const other = (await t.as(colleague.actor).post(path, note('other'))).body
    await t.db.updateTable('appointments').set({ status: 'cancelled' }).where('id', '=', appointment.id).execute()

    expect((await asDoctor.get(`/records/${own.id}`)).status).toBe(200)
    expect((await asDoctor.get(`/records/${other.id}`)).status).toBe(404)
    expect((await asDoctor.get(path, { query: { doctorId: doctor.id } })).body.data).toEqual([own])
    const nothing = { doctorId: doctor.id, type: 'lab_result' }
    expect((await asDoctor.get(path, { query: nothing })).body).toEqual({ data: [], nextCursor: null })
    expect((await asDoctor.get(path)).status).toBe(404)
    expect((await asDoctor.get(path, { query: { doctorId: colleague.id } })).status).toBe(404)
    expect((await asDoctor.get(`/patients/${patient.id}`)).status).toBe(404)
    expect((await asDoctor.post(path, note('late'))).status).toBe(404)
  })

  test('a doctor gets the same 404 for a patient they never wrote about as for an unknown patient', async () => {
    const { patient } = await newPair()
    const stranger = await newPair()
    const query = { doctorId: stranger.doctor.id }
    for (const id of [patient.id, crypto.randomUUID()])
      expect((await stranger.asDoctor.get(`/patients/${id}/records`, { query })).status).toBe(404)
  })
})

describe('audit events of clinical documents', () => {
  test('every read and write of clinical documents is audited with its patient and without clinical text', async () => {
    const { patient, doctor, asDoctor, asPatient } = await newPair()
    const patientIds = [patient.id]
    const path = `/patients/${patient.id}`
    const secret = note('SECRET-TITLE', { data: { SECRET_KEY: 'SECRET-TEXT' } })
    const record = await asDoctor.post(`${path}/records`, secret)
    const prescription = await asDoctor.post(`${path}/prescriptions`, { medicines: [{ ...medicine, name: 'SECRET' }] })
    const targetId = record.body.id
    const actorId = doctor.actor.userId
    expect(await eventsOf(record)).toMatchObject([
      { kind: 'record.create', action: 'C', outcome: 'success', patientIds, targetId, actorId, detail: null },
    ])
    expect(await eventsOf(prescription)).toMatchObject([
      { kind: 'prescription.create', action: 'C', outcome: 'success', patientIds, targetId: prescription.body.id },
    ])
    const reads: [string, string][] = [
      [path, 'patient.read'],
      [`${path}/records`, 'record.list'],
      [`${path}/prescriptions`, 'prescription.list'],
      [`/records/${targetId}`, 'record.read'],
      [`/prescriptions/${prescription.body.id}`, 'prescription.read'],
    ]
    for (const [address, kind] of reads)
      expect(await eventsOf(await asPatient.get(address))).toMatchObject([
        { kind, action: 'R', outcome: 'success', patientIds, actorId: patient.actor.userId },
      ])
    const all = await t.auditEvents().selectAll().execute()
    expect(JSON.stringify(all)).not.toMatch(/SECRET/)
  })

  test('a replay of a record is audited as a replay with its patient', async () => {
    const { patient, asDoctor } = await newPair()
    const options = { headers: { 'idempotency-key': 'once' } }
    const first = await asDoctor.post(`/patients/${patient.id}/records`, note(), options)
    const second = await asDoctor.post(`/patients/${patient.id}/records`, note(), options)
    expect(second.text).toBe(first.text)
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(await eventsOf(second)).toMatchObject([
      { kind: 'record.create', patientIds: [patient.id], targetId: first.body.id, detail: { replayed: true } },
    ])
    const other = await asDoctor.post(`/patients/${patient.id}/records`, note('other'), options)
    expect(other).toMatchObject({ status: 422, body: { code: 'idempotency_key_reused' } })
    expect(await medicalRecords(t.deps.mongo).countDocuments({ patientId: patient.id })).toBe(1)
  })
})
