import { describe, expect, test } from 'bun:test'
import type { Caller } from '../../src/actor'
import { deleteDocumentsUntil } from '../../src/privacy/retention/queries'
import { deleteExpiredRecords } from '../../src/privacy/retention/service'
import { form, MULTIPART, pdf } from '../records/files'
import { createTestApp, NOW } from '../support/app'

const t = await createTestApp({ RECORDS_RETENTION: '3650d' })
const clinic = await t.newClinic()
const admin = await t.newAdmin()

const DAY = 86_400_000
const at = (days: number) => new Date(NOW.getTime() + days * DAY)
const LATER = 3650

/** A patient with a visit yesterday, and with a record and a prescription written today. */
async function treated() {
  const doctor = await t.newDoctor({ clinicId: clinic.id })
  const patient = await t.newPatient()
  await t.newAppointment({ patient, doctor, startsAt: at(-1), status: 'completed' })
  const note = { type: 'visit_note', title: 'Cough', data: {} }
  const record = await t.as(doctor.actor).post(`/patients/${patient.id}/records`, note)
  const medicines = [{ name: 'A', dosage: '1', frequency: 'daily', durationDays: 3 }]
  expect((await t.as(doctor.actor).post(`/patients/${patient.id}/prescriptions`, { medicines })).status).toBe(201)
  await attach(doctor.actor, record.body.id)
  return { ...patient, doctor }
}

async function attach(doctor: Caller, recordId: string): Promise<void> {
  const body = form({ filename: 'scan.pdf', content: pdf() })
  expect((await t.as(doctor).post(`/records/${recordId}/attachments`, body, { headers: MULTIPART })).status).toBe(201)
}

const filesHeld = () => t.deps.mongo.db.collection('attachments.files').countDocuments()

const erase = async (id: string) => expect((await t.as(admin).post(`/patients/${id}/erase`)).status).toBe(200)

async function documentsOf(patientId: string): Promise<number> {
  const { db } = t.deps.mongo
  const counts = ['medical_records', 'prescriptions'].map((name) => db.collection(name).countDocuments({ patientId }))
  return (await Promise.all(counts)).reduce((sum, count) => sum + count)
}

async function deleteAt(days: number, ms = 0): Promise<number> {
  t.clock.set(new Date(at(days).getTime() + ms))
  const deleted = await deleteExpiredRecords(t.deps)
  t.clock.set(NOW)
  return deleted
}

describe('retention of clinical documents', () => {
  test('clinical documents of an erased patient are deleted after the retention period, not earlier', async () => {
    const patient = await treated()
    await erase(patient.id)
    expect(await deleteAt(LATER, -1)).toBe(0)
    expect(await documentsOf(patient.id)).toBe(2)
    expect(await filesHeld()).toBe(1)
    expect(await deleteAt(LATER)).toBe(1)
    expect(await documentsOf(patient.id)).toBe(0)
    expect(await filesHeld()).toBe(0)
    expect(await deleteAt(LATER + 1)).toBe(0)
    const events = await t.auditEvents().selectAll().where('kind', '=', 'record.expire').execute()
    expect(events).toMatchObject([{ action: 'D', outcome: 'success', actorId: null, patientIds: [patient.id] }])
  })

  test('clinical documents are deleted only up to the given time', async () => {
    const { id } = await treated()
    await deleteDocumentsUntil(t.deps.mongo, id, at(-1))
    expect(await documentsOf(id)).toBe(2)
    await deleteDocumentsUntil(t.deps.mongo, id, NOW)
    expect(await documentsOf(id)).toBe(0)
  })

  test('clinical documents of patients who are not erased are kept', async () => {
    const patient = await treated()
    expect(await deleteAt(10 * LATER)).toBe(0)
    expect(await documentsOf(patient.id)).toBe(2)
  })

  test('the retention period starts with the last document, the last amendment or the last visit', async () => {
    const [written, amended, visiting] = [await treated(), await treated(), await treated()]
    for (const { id } of [written, amended, visiting]) await erase(id)
    const { db } = t.deps.mongo
    await db.collection('prescriptions').updateOne({ patientId: written.id }, { $set: { createdAt: at(2) } })
    const amendments = [{ reason: 'Late result', data: {}, createdAt: at(2) }]
    await db.collection('medical_records').updateOne({ patientId: amended.id }, { $set: { amendments } })
    await t.newAppointment({ patient: visiting, doctor: visiting.doctor, startsAt: at(2), status: 'completed' })
    expect(await deleteAt(LATER + 1)).toBe(0)
    for (const { id } of [written, amended, visiting]) expect(await documentsOf(id)).toBe(2)
    expect(await deleteAt(LATER + 3)).toBe(3)
    for (const { id } of [written, amended, visiting]) expect(await documentsOf(id)).toBe(0)
  })
})
