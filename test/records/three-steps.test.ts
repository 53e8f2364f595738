import { afterEach, describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { MongoNetworkError, MongoServerSelectionError } from 'mongodb'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { findOrBlock } from '../../src/database/clinical-writes/insert'
import type { Mongo } from '../../src/database/mongo'
import { sweepPendingWrites } from '../../src/records/sweeper'
import { createTestApp, NOW } from '../support/app'
import { createClient } from '../support/client'

const t = await createTestApp()
const clinic = await t.newClinic()
const doctor = await t.newDoctor({ clinicId: clinic.id })
let hours = 0

afterEach(() => t.clock.set(NOW))

const KINDS = {
  records: { type: 'visit_note', title: 'Visit', data: { plan: 'rest' } },
  prescriptions: { medicines: [{ name: 'Aspirin', dosage: '1 g', frequency: 'once', durationDays: 1 }] },
}

/** One request under one idempotency key, ways to send it, and its state in both databases. */
async function newWrite({ keyed = true, kind = 'records' as keyof typeof KINDS } = {}) {
  const patient = await t.newPatient()
  await t.newAppointment({ patient, doctor, startsAt: new Date(NOW.getTime() + ++hours * 3_600_000) })
  const options = keyed ? { headers: { 'idempotency-key': crypto.randomUUID() } } : {}
  const path = `/patients/${patient.id}/${kind}`
  const collection = t.deps.mongo.collection(kind === 'records' ? 'medical_records' : 'prescriptions')
  const ofPatient = sql<boolean>`${patient.id} = any(patient_ids)`

  return {
    patientId: patient.id,

    send: () => t.as(doctor.actor).post(path, KINDS[kind], options),

    /** Sends it through a copy of the API that runs `beforeInsert` between the first step and the second. */
    sendWith(beforeInsert: Mongo['ready']) {
      const app = createApp({ ...t.deps, mongo: { ...t.deps.mongo, ready: beforeInsert } })
      const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
      const token = () => signAccessToken(t.deps.config, doctor.actor, t.deps.clock())
      return createClient(request, token).post(path, KINDS[kind], options)
    },

    /** Resets PostgreSQL to its state before the third step. */
    async undoThirdStep(documentId: string) {
      const pending = { outcome: 'pending' as const }
      await t.db.updateTable('auditOutbox').set(pending).where('targetId', '=', documentId).execute()
      const unanswered = { documentId, status: null, body: null, headers: null }
      await t.db.updateTable('idempotencyKeys').set(unanswered).where('documentId', '=', documentId).execute()
    },

    ids: async () =>
      (await collection.find({ patientId: patient.id, voidedAt: { $exists: false } }).toArray()).map(
        ({ _id }) => `${_id}`,
      ),

    read: async () => (await t.as(patient.actor).get(path)).body.data.map(({ id }: { id: string }) => id),

    async outcomes() {
      const events = await t.auditEvents().select('outcome').where(ofPatient).where('action', '=', 'C').execute()
      return events.map(({ outcome }) => outcome)
    },

    async unfinishedKeys() {
      const keys = t.db.selectFrom('idempotencyKeys').select('documentId').where('status', 'is', null)
      return (await keys.execute()).map(({ documentId }) => documentId)
    },
  }
}

const noServer = () => Promise.reject(new MongoServerSelectionError('no server', {} as never))
const lostOnTheWay = () => Promise.reject(new MongoNetworkError('connection closed'))
const UNAVAILABLE = { status: 503, body: { code: 'unavailable' } }

async function sweepAMinuteLater() {
  t.clock.advance(60_001)
  return sweepPendingWrites(t.deps)
}

describe('a write that stopped before MongoDB', () => {
  test('a write that stopped before MongoDB is completed by a retry, with the id of the first attempt', async () => {
    const write = await newWrite()
    expect(await write.sendWith(lostOnTheWay)).toMatchObject(UNAVAILABLE)
    expect(await write.ids()).toEqual([])
    expect(await write.outcomes()).toEqual(['pending'])
    const [fixedId] = await write.unfinishedKeys()

    t.clock.advance(5_000)
    const retry = await write.send()
    expect(retry).toMatchObject({ status: 201, body: { id: fixedId!, createdAt: '2026-01-05T12:00:00Z' } })
    expect(await write.ids()).toEqual([fixedId!])
    expect(await write.outcomes()).toEqual(['success', 'success'])
    const again = await write.send()
    expect(again.text).toBe(retry.text)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  test('a write that stopped before MongoDB fails for good when the sweeper finds it, and frees its idempotency key', async () => {
    const write = await newWrite()
    await write.sendWith(lostOnTheWay)
    const [fixedId] = await write.unfinishedKeys()
    expect(await sweepAMinuteLater()).toBe(1)
    expect(await write.outcomes()).toEqual(['error'])
    expect(await write.unfinishedKeys()).toEqual([])
    expect(await write.read()).toEqual([])
    expect((await t.as(doctor.actor).get(`/records/${fixedId}`)).status).toBe(404)

    const retry = await write.send()
    expect(retry.status).toBe(201)
    expect(retry.body.id).not.toBe(fixedId)
    expect(await write.ids()).toEqual([retry.body.id])
    expect(await write.outcomes()).toEqual(['error', 'success'])
  })

  test('a write that stopped before MongoDB fails at a retry when the sweeper crashed after writing its tombstone', async () => {
    const write = await newWrite()
    await write.sendWith(lostOnTheWay)
    const [id] = await write.unfinishedKeys()
    await findOrBlock(t.deps.mongo, 'medical_records', { id: id!, patientId: write.patientId }, NOW)
    expect(await write.send()).toMatchObject(UNAVAILABLE)
    expect(await write.outcomes()).toEqual(['error', 'error'])
    expect(await write.unfinishedKeys()).toEqual([])
    expect((await write.send()).status).toBe(201)
    expect(await write.ids()).toHaveLength(1)
  })

  test.each(['records', 'prescriptions'] as const)('sweeps %s written without an idempotency key', async (kind) => {
    const write = await newWrite({ keyed: false, kind })
    expect(await write.sendWith(lostOnTheWay)).toMatchObject(UNAVAILABLE)
    await sweepAMinuteLater()
    expect(await write.outcomes()).toEqual(['error'])
  })

  test('the sweeper does not touch a write in its first minute', async () => {
    const write = await newWrite()
    await write.sendWith(lostOnTheWay)
    t.clock.advance(60_000)
    expect(await sweepPendingWrites(t.deps)).toBe(0)
    expect(await write.outcomes()).toEqual(['pending'])
    expect(await sweepAMinuteLater()).toBe(1)
  })

  test('a write fails at once when no MongoDB server can be reached', async () => {
    const write = await newWrite()
    expect(await write.sendWith(noServer)).toMatchObject(UNAVAILABLE)
    expect(await write.outcomes()).toEqual(['error'])
    expect(await write.unfinishedKeys()).toEqual([])
    expect((await write.send()).status).toBe(201)
    expect(await write.ids()).toHaveLength(1)
  })
})

describe('a write that stopped after MongoDB', () => {
  test.each(['records', 'prescriptions'] as const)('a retry returns %s already stored in MongoDB', async (kind) => {
    const write = await newWrite({ kind })
    const first = await write.send()
    await write.undoThirdStep(first.body.id)
    await t.db.updateTable('doctors').set({ name: 'Dr. Renamed' }).where('id', '=', doctor.id).execute()

    const retry = await write.send()
    expect(retry.status).toBe(201)
    expect(retry.text).toBe(first.text)
    expect(retry.headers.get('location')).toBe(first.headers.get('location'))
    expect(await write.ids()).toEqual([first.body.id])
    expect(await write.outcomes()).toEqual(['success', 'success'])
    expect(await write.unfinishedKeys()).toEqual([])
  })

  test('a write that stopped after MongoDB succeeds when the sweeper finds it, and a retry returns the same answer', async () => {
    const write = await newWrite()
    const first = await write.send()
    await write.undoThirdStep(first.body.id)
    expect(await sweepAMinuteLater()).toBe(1)
    expect(await write.outcomes()).toEqual(['success'])
    expect((await write.send()).text).toBe(first.text)
    expect(await write.ids()).toEqual([first.body.id])
  })
})

describe('a write in progress', () => {
  test('a write that the sweeper overtook fails and leaves nothing', async () => {
    const write = await newWrite()
    const late = await write.sendWith(async () => {
      await t.deps.mongo.ready()
      expect(await sweepAMinuteLater()).toBe(1)
    })
    expect(late).toMatchObject(UNAVAILABLE)
    expect(await write.ids()).toEqual([])
    expect(await write.outcomes()).toEqual(['error'])

    const retry = await write.send()
    expect(retry.status).toBe(201)
    expect(await write.ids()).toEqual([retry.body.id])
  })

  test('a write and its concurrent retry under the same idempotency key make one document and return one answer', async () => {
    const write = await newWrite()
    let retry: Awaited<ReturnType<typeof write.send>> | undefined
    const first = await write.sendWith(async () => {
      retry = await write.send()
    })
    expect(first.status).toBe(201)
    expect(retry!.text).toBe(first.text)
    expect(await write.ids()).toEqual([first.body.id])
    expect(await write.outcomes()).toEqual(['success', 'success'])
  })

  test('five concurrent writes under one idempotency key make one document', async () => {
    const write = await newWrite()
    const answers = await Promise.all(Array.from({ length: 5 }, write.send))
    const made = answers.filter(({ status }) => status === 201)
    expect(made.length).toBeGreaterThan(0)
    expect(new Set(made.map(({ text }) => text)).size).toBe(1)
    for (const answer of answers)
      if (answer.status !== 201) expect(answer).toMatchObject({ status: 409, body: { code: 'request_in_progress' } })
    expect(await write.ids()).toEqual([made[0]!.body.id])
    expect(new Set(await write.outcomes())).toEqual(new Set(['success']))
  })

  test('a first attempt that found no server does not fail the write while a retry is running', async () => {
    const write = await newWrite()
    const begun = Promise.withResolvers<void>()
    const firstIsBack = Promise.withResolvers<void>()
    let retry: ReturnType<typeof write.send> | undefined
    const first = await write.sendWith(async () => {
      retry = write.sendWith(async () => {
        begun.resolve()
        await firstIsBack.promise
      })
      await begun.promise
      return noServer()
    })
    expect(first).toMatchObject(UNAVAILABLE)
    expect(await write.outcomes()).toEqual(['pending', 'pending'])
    firstIsBack.resolve()
    expect((await retry!).status).toBe(201)
    expect(await write.outcomes()).toEqual(['success', 'success'])
    expect((await write.send()).text).toBe((await retry!).text)
    expect(await write.ids()).toHaveLength(1)
  })

  test('a write stays a success when the first attempt finds no server after a retry has finished', async () => {
    const write = await newWrite()
    const first = await write.sendWith(async () => {
      expect((await write.send()).status).toBe(201)
      return noServer()
    })
    expect(first).toMatchObject(UNAVAILABLE)
    expect(await write.outcomes()).toEqual(['success', 'success'])
    expect(await write.ids()).toHaveLength(1)
  })
})
