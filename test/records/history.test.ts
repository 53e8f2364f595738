import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { medicalRecords, prescriptions } from '../../src/records/collections'
import { findDocuments } from '../../src/records/queries'
import { createTestApp, NOW } from '../support/app'
import { medicine, note, pairsOf } from './pairs'

const t = await createTestApp()
const clinic = await t.newClinic()
const newPair = pairsOf(t, clinic)
const DAYS_AHEAD = new Date(NOW.getTime() + 2 * 86_400_000)

describe('a history', () => {
  test('a history holds the newest 20 records and prescriptions, and continues by its cursors', async () => {
    const { patient, asDoctor, asPatient } = await newPair()
    for (let i = 0; i < 22; i++) {
      if (i % 2 === 0) t.clock.advance(1_000)
      await asDoctor.post(`/patients/${patient.id}/records`, note(`Note ${i}`))
    }
    await asDoctor.post(`/patients/${patient.id}/prescriptions`, { medicines: [medicine] })

    const { status, body } = await asPatient.get(`/patients/${patient.id}`)
    expect(status).toBe(200)
    const titles = (list: { title: string }[]) => list.map(({ title }) => title)
    const { history } = body
    expect(titles(history.records)).toEqual(Array.from({ length: 20 }, (_, i) => `Note ${21 - i}`))
    expect(history.prescriptions).toHaveLength(1)
    expect(history.prescriptionsNextCursor).toBeNull()
    const cursor = history.recordsNextCursor
    const rest = await asPatient.get(`/patients/${patient.id}/records`, { query: { cursor } })
    expect(titles(rest.body.data)).toEqual(['Note 1', 'Note 0'])
    expect(rest.body.nextCursor).toBeNull()
    expect((await asDoctor.get(`/patients/${patient.id}`)).body.history).toEqual(history)
    t.clock.set(NOW)
  })

  test('records are paged without gaps or repeats, even when created at the same time', async () => {
    const { patient, asDoctor, asPatient } = await newPair()
    for (let i = 0; i < 7; i++) {
      if (i === 4) t.clock.advance(1)
      await asDoctor.post(`/patients/${patient.id}/records`, note(`Note ${i}`))
    }
    t.clock.set(NOW)
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query = { limit: 2, ...(cursor && { cursor }) }
      const { body } = await asPatient.get(`/patients/${patient.id}/records`, { query })
      seen.push(...body.data.map(({ title }: { title: string }) => title))
      cursor = body.nextCursor
    } while (cursor)
    expect(seen).toEqual([6, 5, 4, 3, 2, 1, 0].map((i) => `Note ${i}`))
  })

  test('records can be filtered by type, doctor and time', async () => {
    const { patient, doctor, asDoctor, asPatient } = await newPair()
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: colleague, startsAt: DAYS_AHEAD })
    const path = `/patients/${patient.id}/records`
    await asDoctor.post(path, note('first'))
    t.clock.set('2026-01-06T12:00:00Z')
    await asDoctor.post(path, note('second', { type: 'lab_result' }))
    t.clock.set('2026-01-07T12:00:00Z')
    await t.as(colleague.actor).post(path, note('third'))
    t.clock.set(NOW)

    const titles = async (query: Record<string, string>) =>
      (await asPatient.get(path, { query })).body.data.map(({ title }: { title: string }) => title)
    expect(await titles({})).toEqual(['third', 'second', 'first'])
    expect(await titles({ type: 'visit_note' })).toEqual(['third', 'first'])
    expect(await titles({ doctorId: doctor.id })).toEqual(['second', 'first'])
    expect(await titles({ doctorId: doctor.id.toUpperCase() })).toEqual(['second', 'first'])
    expect(await titles({ doctorId: crypto.randomUUID() })).toEqual([])
    expect(await titles({ from: '2026-01-06T13:00:00+01:00' })).toEqual(['third', 'second'])
    expect(await titles({ to: '2026-01-06T12:00:00Z' })).toEqual(['second', 'first'])
    expect(await titles({ from: '2026-01-06T00:00:00Z', to: '2026-01-06T23:00:00Z' })).toEqual(['second'])
    const reversed = { from: '2026-01-07T00:00:00Z', to: '2026-01-06T00:00:00Z' }
    expect((await asPatient.get(path, { query: reversed })).status).toBe(422)
    expect((await asPatient.get(path, { query: { sort: 'title' } })).status).toBe(422)
    expect((await asPatient.get(path, { query: { cursor: 'x' } })).status).toBe(422)
  })
})

describe('MongoDB indexes and validators', () => {
  test('a page of records is found by index, without sorting and without reading past it', async () => {
    const { mongo } = t.deps
    await mongo.ready()
    const [patientId, doctorId] = [newId(), newId()]
    const documents = Array.from({ length: 500 }, (_, i) => ({
      _id: newId(),
      schemaVersion: 1 as const,
      patientId: i % 2 ? patientId : newId(),
      doctorId: i % 5 ? newId() : doctorId,
      doctor: { id: doctorId, name: 'D' },
      appointmentId: null,
      createdAt: new Date(NOW.getTime() + i * 60_000),
      type: 'visit_note',
      title: 'x',
      data: {},
      amendments: [],
    }))
    await medicalRecords(mongo).insertMany(documents)
    const after = { createdAt: documents[301]!.createdAt, id: documents[301]!._id }
    const lists = [
      findDocuments(medicalRecords(mongo), { patientId }, 21),
      findDocuments(medicalRecords(mongo), { patientId }, 21, after),
      findDocuments(medicalRecords(mongo), { patientId, from: documents[200]!.createdAt }, 21),
    ]
    for (const list of lists) {
      const { queryPlanner, executionStats } = await list.explain('executionStats')
      expect(JSON.stringify(queryPlanner.winningPlan)).toContain('"indexName":"patient_newest"')
      expect(JSON.stringify(queryPlanner.winningPlan)).not.toContain('"SORT"')
      expect(executionStats.nReturned).toBe(21)
      expect(executionStats.totalDocsExamined).toBeLessThanOrEqual(22)
    }
    const byDoctor = await findDocuments(medicalRecords(mongo), { patientId, doctorId }, 100).explain('executionStats')
    expect(JSON.stringify(byDoctor.queryPlanner.winningPlan)).toContain('"indexName":"patient_doctor_newest"')
    expect(byDoctor.executionStats).toMatchObject({ nReturned: 50, totalDocsExamined: 50 })
  })

  test('MongoDB refuses a document without its envelope and accepts a later schema version', async () => {
    const { mongo } = t.deps
    await mongo.ready()
    const bare = { _id: newId(), schemaVersion: 1 }
    expect(mongo.db.collection<{ _id: string }>('medical_records').insertOne(bare)).rejects.toMatchObject({ code: 121 })
    expect(mongo.db.collection<{ _id: string }>('prescriptions').insertOne(bare)).rejects.toMatchObject({ code: 121 })
    const later = { ...bare, schemaVersion: 2 }
    await mongo.db.collection<{ _id: string }>('medical_records').insertOne(later)
    await mongo.db.collection<{ _id: string }>('prescriptions').insertOne(later)
  })

  test('the MongoDB indexes exist after the first clinical write', async () => {
    const { patient, asDoctor } = await newPair()
    await asDoctor.post(`/patients/${patient.id}/records`, note())
    for (const collection of [medicalRecords(t.deps.mongo), prescriptions(t.deps.mongo)]) {
      const keys = (await collection.indexes()).map(({ key }) => Object.entries(key))
      expect(keys).toContainEqual([
        ['patientId', 1],
        ['doctorId', 1],
        ['createdAt', -1],
      ])
    }
  })
})
