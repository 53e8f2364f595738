import { describe, expect, test } from 'bun:test'
import { newId } from '../../src/database/ids'
import { medicalRecords } from '../../src/records/collections'
import { findDocuments } from '../../src/records/queries'
import { createTestApp, NOW } from '../support/app'
import { note, pairsOf } from './pairs'

const t = await createTestApp()
const clinic = await t.newClinic()
const newPair = pairsOf(t, clinic)

async function newHistory(...notes: [title: string, data: unknown, extra?: object][]) {
  const pair = await newPair()
  const path = `/patients/${pair.patient.id}/records`
  const ids: string[] = []
  for (const [title, data, extra] of notes) {
    t.clock.advance(1_000)
    const made = await pair.asDoctor.post(path, note(title, { data, ...extra }))
    expect(made.status).toBe(201)
    ids.push(made.body.id)
  }
  t.clock.set(NOW)
  const search = async (q: string, query: Record<string, string | number> = {}) => {
    const { status, body } = await pair.asPatient.get(path, { query: { q, ...query } })
    expect(status).toBe(200)
    return body.data.map(({ title }: { title: string }) => title) as string[]
  }
  return { ...pair, path, ids, search }
}

describe('a search of records', () => {
  test('record search finds words in titles and anywhere in the data, in any case, with or without accents', async () => {
    const { search } = await newHistory(
      ['Allergies', { known: [{ substance: 'Penicillin', reaction: 'RASH' }] }],
      ['Café visit', { plan: 'naïve approach' }],
      ['Blood pressure', { note: 'Überweisung nach Köln', values: [{ deep: { er: 'Zürich' } }] }],
    )
    expect(await search('penicillin')).toEqual(['Allergies'])
    expect(await search('PENICILLIN rash')).toEqual(['Allergies'])
    expect(await search('cafe')).toEqual(['Café visit'])
    expect(await search('NAIVE')).toEqual(['Café visit'])
    expect(await search('zurich')).toEqual(['Blood pressure'])
    expect(await search('uberweisung Koln')).toEqual(['Blood pressure'])
    expect(await search('blood köln')).toEqual(['Blood pressure'])
  })

  test('record search finds accented letters in either Unicode form, in whichever form they are stored', async () => {
    const { search } = await newHistory(
      ['Composed', { a: 'Ko\u0308ln'.normalize('NFC') }],
      ['Decomposed', { a: 'Ko\u0308ln' }],
    )
    for (const q of ['K\u00f6ln', 'Ko\u0308ln']) expect(await search(q)).toEqual(['Decomposed', 'Composed'])
  })

  test('record search requires every word, common and hyphenated words included', async () => {
    const { search } = await newHistory(
      ['One', { a: 'fever and cough' }],
      ['Two', { a: 'fever' }],
      ['Three', { a: 'the x-ray of 2026-01-02' }],
    )
    expect(await search('fever')).toEqual(['Two', 'One'])
    expect(await search('fever cough')).toEqual(['One'])
    expect(await search('fever measles')).toEqual([])
    expect(await search('the')).toEqual(['Three'])
    expect(await search('x-ray')).toEqual(['Three'])
    expect(await search('2026-01-02')).toEqual(['Three'])
  })

  test.each(['-fever', '"fever', 'fever"', 'fev\\er', '"', '\\', '%', '$where', '{"$gt":""}', '-', '🩺', '" -x "'])(
    'record search treats %s as words, not as operators',
    async (q) => {
      const { search } = await newHistory(['Fever', { a: 'fever' }], ['Other', { a: 'other' }])
      const found = await search(q)
      expect(found).not.toContain('Other')
    },
  )

  test.each(['fever -cough', 'fever" -cough', 'fever" -cough "', 'fever\\" -cough'])(
    'record search excludes no record because of %s',
    async (q) => {
      const { search } = await newHistory(['Fever', { a: 'fever' }], ['Both', { a: 'fever -cough' }])
      expect(await search(q)).toEqual(['Both'])
    },
  )

  test('record search finds records of one patient only', async () => {
    const mine = await newHistory(['Mine', { a: 'measles' }])
    const theirs = await newHistory(['Theirs', { a: 'measles' }])
    expect(await mine.search('measles')).toEqual(['Mine'])
    expect(await theirs.search('measles')).toEqual(['Theirs'])
    expect((await mine.asPatient.get(theirs.path, { query: { q: 'measles' } })).status).toBe(404)
    expect((await mine.asDoctor.get(theirs.path, { query: { q: 'measles' } })).status).toBe(404)
  })

  test('record search finds amended records by their new and their old words', async () => {
    const { asDoctor, ids, search } = await newHistory(['Note', { a: 'mumps' }])
    await asDoctor.post(`/records/${ids[0]}/amendments`, { reason: 'Misheard', data: { a: 'measles' } })
    for (const word of ['mumps', 'measles', 'misheard']) expect(await search(word)).toEqual(['Note'])
  })

  test('record search combines with the other filters and is paged', async () => {
    const entries = Array.from({ length: 7 }, (_, i): [string, unknown, object] => [
      `Note ${i}`,
      { a: i % 2 ? 'cough' : 'fever' },
      { type: i < 4 ? 'visit_note' : 'lab_result' },
    ])
    const { doctor, path, asPatient, search } = await newHistory(...entries)
    expect(await search('fever')).toEqual(['Note 6', 'Note 4', 'Note 2', 'Note 0'])
    expect(await search('fever', { type: 'visit_note' })).toEqual(['Note 2', 'Note 0'])
    expect(await search('fever', { from: '2026-01-05T12:00:05Z' })).toEqual(['Note 6', 'Note 4'])
    expect(await search('fever', { doctorId: doctor.id })).toHaveLength(4)
    const first = await asPatient.get(path, { query: { q: 'fever', limit: 3 } })
    const query = { q: 'fever', limit: 3, cursor: first.body.nextCursor }
    const second = await asPatient.get(path, { query })
    expect(second.body).toMatchObject({ data: [{ title: 'Note 0' }], nextCursor: null })
  })

  test('record search is audited without its words', async () => {
    const { patient, path, asPatient } = await newHistory()
    const { headers } = await asPatient.get(path, { query: { q: 'CANARY' } })
    const events = t.db.selectFrom('auditOutbox').selectAll().where('requestId', '=', headers.get('x-request-id'))
    const [event] = await events.execute()
    expect(event).toMatchObject({ kind: 'record.list', action: 'R', patientIds: [patient.id] })
    expect(JSON.stringify(event)).not.toContain('CANARY')
  })

  test('record search uses an index and reads no records of other patients', async () => {
    const { mongo } = t.deps
    await mongo.ready()
    const [patientId, doctorId] = [newId(), newId()]
    await medicalRecords(mongo).insertMany(
      Array.from({ length: 600 }, (_, i) => ({
        _id: newId(),
        schemaVersion: 1 as const,
        patientId: i % 3 ? newId() : patientId,
        doctorId,
        doctor: { id: doctorId, name: 'D' },
        appointmentId: null,
        createdAt: new Date(NOW.getTime() + i * 60_000),
        type: 'visit_note',
        title: 'x',
        data: { text: i % 2 ? 'scarlatina' : 'nothing' },
        amendments: [],
      })),
    )
    const list = findDocuments(medicalRecords(mongo), { patientId, q: 'scarlatina' }, 21)
    const { queryPlanner, executionStats } = await list.explain('executionStats')
    const plan = JSON.stringify(queryPlanner.winningPlan)
    expect(plan).toContain(`"indexPrefix":{"patientId":"${patientId}"}`)
    expect(plan).toContain('"indexName":"patient_words"')
    expect(plan).not.toContain('COLLSCAN')
    expect(executionStats).toMatchObject({ nReturned: 21, totalKeysExamined: 100 })

    const ofType = findDocuments(medicalRecords(mongo), { patientId, type: 'lab_result' }, 21)
    const typed = await ofType.explain('executionStats')
    expect(JSON.stringify(typed.queryPlanner.winningPlan)).toContain('"indexName":"patient_type_newest"')
    expect(JSON.stringify(typed.queryPlanner.winningPlan)).not.toContain('"SORT"')
    expect(typed.executionStats.totalDocsExamined).toBe(0)
  })
})

test('record data may have a field named `language` with any value', async () => {
  const { search } = await newHistory([
    'Speech',
    { language: 'klingon', nested: [{ language: 5 }, { language: null }] },
  ])
  expect(await search('klingon')).toEqual(['Speech'])
})
