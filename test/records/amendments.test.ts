import { afterEach, describe, expect, test } from 'bun:test'
import { BSON } from 'mongodb'
import { appendClinicalEntry } from '../../src/database/clinical-writes/append'
import { newId } from '../../src/database/ids'
import { AMENDMENTS, medicalRecords } from '../../src/records/collections'
import { withinLimitsFilter } from '../../src/records/document-limits'
import { createTestApp, NOW } from '../support/app'
import { note, pairsOf } from './pairs'

const FULL = process.env.TEST_SCALE === 'full'

const t = await createTestApp()
const clinic = await t.newClinic()
const newPair = pairsOf(t, clinic)
const HOUR = 3_600_000

afterEach(() => t.clock.set(NOW))

async function newRecord(data: unknown = { plan: 'rest' }) {
  const pair = await newPair()
  const { body } = await pair.asDoctor.post(`/patients/${pair.patient.id}/records`, note('Visit', { data }))
  const id: string = body.id
  const path = `/records/${id}`
  return {
    ...pair,
    id,
    path,
    amend: (plan: string, options = {}) =>
      pair.asDoctor.post(`${path}/amendments`, { reason: `because ${plan}`, data: { plan } }, options),
    read: async () => (await pair.asPatient.get(path)).body,
    stored: () => medicalRecords(t.deps.mongo).findOne({ _id: id }),
  }
}

const eventsOf = (answer: { headers: Headers }) =>
  t
    .auditEvents()
    .select(['kind', 'action', 'outcome', 'patientIds', 'targetId', 'detail'])
    .where('requestId', '=', answer.headers.get('x-request-id'))
    .execute()

describe('an amendment', () => {
  test('the latest amendment becomes the data of a record, and the original and earlier amendments are kept', async () => {
    const { doctor, path, amend, read, stored } = await newRecord()
    const before = (await stored())!
    t.clock.advance(HOUR)
    const first = await amend('walk')
    t.clock.advance(HOUR)
    const second = await amend('run')
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.headers.get('location')).toBe(path)
    expect(second.body).toEqual(await read())
    const author = { id: doctor.id, name: doctor.name }
    expect(second.body).toMatchObject({
      data: { plan: 'run' },
      originalData: { plan: 'rest' },
      createdAt: '2026-01-05T12:00:00Z',
      amendments: [
        { reason: 'because walk', data: { plan: 'walk' }, author, createdAt: '2026-01-05T13:00:00Z' },
        { reason: 'because run', data: { plan: 'run' }, author, createdAt: '2026-01-05T14:00:00Z' },
      ],
    })
    expect(second.body.amendments[0]).toEqual(first.body.amendments[0])

    const { amendments: _, ...after } = (await stored())!
    const { amendments: none, ...first_ } = before
    expect(none).toEqual([])
    expect(BSON.serialize(after)).toEqual(BSON.serialize(first_))
  })

  test('a record without amendments shows its original data', async () => {
    const { read } = await newRecord()
    expect(await read()).toMatchObject({ data: { plan: 'rest' }, originalData: null, amendments: [] })
  })

  test('an amendment keeps field names and values that look like BSON or MongoDB types', async () => {
    const { asDoctor, asPatient, path } = await newRecord()
    const data = {
      _bsontype: 'ObjectId',
      'a.b': [{ _bsontype: 'Long' }],
      '': { constructor: [1] },
      language: 'klingon',
    }
    expect((await asDoctor.post(`${path}/amendments`, { reason: 'x', data })).status).toBe(201)
    expect((await asPatient.get(path)).body.data).toEqual(data)
  })

  test('an amendment is audited under its record with its own id and without its text', async () => {
    const { id, patient, asDoctor, path } = await newRecord()
    const answer = await asDoctor.post(`${path}/amendments`, { reason: 'CANARY-1', data: { CANARY: 'CANARY-2' } })
    expect(await eventsOf(answer)).toEqual([
      {
        kind: 'record.amend',
        action: 'U',
        outcome: 'success',
        patientIds: [patient.id],
        targetId: id,
        detail: { amendmentId: answer.body.amendments[0].id },
      },
    ])
    expect(JSON.stringify(await t.auditEvents().selectAll().execute())).not.toContain('CANARY')
  })

  test.each([
    [{ data: {} }, 'reason'],
    [{ reason: ' ', data: {} }, 'reason'],
    [{ reason: 'x' }, 'data'],
    [{ reason: 'x', data: { $set: 1 } }, 'data.$set'],
    [{ reason: 'x', data: {}, title: 'y' }, 'title'],
  ])('an amendment like %j is refused', async (body, path) => {
    const record = await newRecord()
    const answer = await record.asDoctor.post(`${record.path}/amendments`, body)
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ path }] } })
    expect((await record.stored())!.amendments).toEqual([])
  })
})

describe('authors of amendments', () => {
  test('a patient and an admin may not amend a record', async () => {
    const { asPatient, path } = await newRecord()
    for (const client of [asPatient, t.as(await t.newAdmin())])
      expect((await client.post(`${path}/amendments`, { reason: 'x', data: {} })).status).toBe(403)
  })

  test('amending a record of another doctor is the same 404 as amending an unknown record', async () => {
    const { patient, path, stored } = await newRecord()
    const colleague = await t.newDoctor({ clinicId: clinic.id })
    await t.newAppointment({ patient, doctor: colleague, startsAt: new Date(NOW.getTime() + 48 * HOUR) })
    const stranger = await newPair()
    expect((await t.as(colleague.actor).get(path)).status).toBe(200)
    for (const client of [t.as(colleague.actor), stranger.asDoctor]) {
      const answer = await client.post(`${path}/amendments`, { reason: 'x', data: {} })
      const unknown = await client.post(`/records/${crypto.randomUUID()}/amendments`, { reason: 'x', data: {} })
      expect(answer.status).toBe(404)
      expect({ ...answer.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' })
    }
    expect((await stored())!.amendments).toEqual([])
  })

  test('the author may amend a record after the treatment relationship has ended', async () => {
    const { appointment, amend } = await newRecord()
    await t.db.updateTable('appointments').set({ status: 'cancelled' }).where('id', '=', appointment.id).execute()
    expect((await amend('late')).status).toBe(201)
  })

  test('a prescription cannot be amended as a record', async () => {
    const { patient, asDoctor } = await newPair()
    const medicines = [{ name: 'A', dosage: '1', frequency: 'daily', durationDays: 3 }]
    const { body } = await asDoctor.post(`/patients/${patient.id}/prescriptions`, { medicines })
    expect((await asDoctor.post(`/records/${body.id}/amendments`, { reason: 'x', data: {} })).status).toBe(404)
  })
})

describe('concurrent amendments', () => {
  const COUNT = FULL ? 60 : 12

  test('concurrent amendments are all stored once, and the last in the list becomes the data', async () => {
    const { amend, read } = await newRecord()
    const answers = await Promise.all(Array.from({ length: COUNT }, (_, i) => amend(`${i}`)))
    expect(answers.map(({ status }) => status)).toEqual(Array(COUNT).fill(201))
    const { amendments, data, originalData } = await read()
    const plans = amendments.map((amendment: { data: { plan: string } }) => amendment.data.plan)
    expect(plans.toSorted()).toEqual(Array.from({ length: COUNT }, (_, i) => `${i}`).toSorted())
    expect(data).toEqual({ plan: plans.at(-1) })
    expect(originalData).toEqual({ plan: 'rest' })
    expect(new Set(amendments.map(({ id }: { id: string }) => id)).size).toBe(COUNT)
  })

  test('concurrent amendments under one idempotency key make one amendment', async () => {
    const { amend, read } = await newRecord()
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } }
    const answers = await Promise.all(Array.from({ length: 6 }, () => amend('once', options)))
    const made = answers.filter(({ status }) => status === 201)
    expect(made.length).toBeGreaterThan(0)
    for (const { status, body } of answers)
      if (status !== 201) expect([status, body.code]).toEqual([409, 'request_in_progress'])
    const again = await amend('once', options)
    expect(again.text).toBe(made[0]!.text)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect((await read()).amendments).toHaveLength(1)
  })
})

describe('a full record', () => {
  const fill = async (id: string, count: number, text = 'x') => {
    const amendments = Array.from({ length: count }, () => ({
      id: newId(),
      reason: 'r',
      data: { text },
      author: { id: newId(), name: 'D' },
      createdAt: NOW,
    }))
    await medicalRecords(t.deps.mongo).updateOne({ _id: id }, { $set: { amendments } })
  }

  test('a record takes at most 100 amendments, and the hundredth can still be replayed', async () => {
    const { id, amend, stored } = await newRecord()
    await fill(id, 99)
    const options = { headers: { 'idempotency-key': crypto.randomUUID() } }
    const [one, other] = await Promise.all([amend('one', options), amend('two')])
    expect([one.status, other.status].toSorted()).toEqual([201, 409])
    expect((await stored())!.amendments).toHaveLength(100)
    expect(await amend('three')).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    if (one.status === 201) expect((await amend('one', options)).text).toBe(one.text)
  })

  test('a record of 1 MiB in MongoDB takes no more amendments', async () => {
    const { id, patient, amend, stored } = await newRecord()
    await fill(id, 16, 'x'.repeat(64_000))
    expect((await amend('fits')).status).toBe(201)
    await fill(id, 17, 'x'.repeat(64_000))
    expect(await amend('too much')).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
    const past = appendClinicalEntry(
      t.deps.mongo,
      AMENDMENTS,
      { id, patientId: patient.id },
      { id: newId() },
      withinLimitsFilter(AMENDMENTS),
    )
    expect(await past).toEqual({ state: 'refused' })
    expect((await stored())!.amendments).toHaveLength(17)
  })
})
