import { afterEach, describe, expect, test } from 'bun:test'
import { MongoNetworkError, MongoServerSelectionError } from 'mongodb'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { appendClinicalEntry } from '../../src/database/clinical-writes/append'
import type { Mongo } from '../../src/database/mongo'
import { AMENDMENTS, medicalRecords, prescriptions } from '../../src/records/collections'
import { sweepPendingWrites } from '../../src/records/sweeper'
import { createTestApp, NOW } from '../support/app'
import { createClient } from '../support/client'
import { medicine, note, pairsOf } from './pairs'

const t = await createTestApp()
const newPair = pairsOf(t, await t.newClinic())

afterEach(() => t.clock.set(NOW))

type Kind = 'amend' | 'stop'

/** One append under one idempotency key, ways to send it, and its state in both databases. */
async function newAppend(kind: Kind = 'amend', keyed = true) {
  const { doctor, patient, asDoctor } = await newPair()
  const of = `/patients/${patient.id}`
  const made =
    kind === 'amend'
      ? await asDoctor.post(`${of}/records`, note())
      : await asDoctor.post(`${of}/prescriptions`, { medicines: [medicine] })
  const id: string = made.body.id
  const [method, path, body] =
    kind === 'amend'
      ? ['POST', `/records/${id}/amendments`, { reason: 'x', data: { plan: 'walk' } }]
      : ['PUT', `/prescriptions/${id}/stop`, { reason: 'x' }]
  const options = keyed ? { headers: { 'idempotency-key': crypto.randomUUID() } } : {}
  const token = () => signAccessToken(t.deps.config, doctor.actor, t.deps.clock())

  const stored = async () =>
    (await medicalRecords(t.deps.mongo).findOne({ _id: id })) ??
    (await prescriptions(t.deps.mongo).findOne({ _id: id }))

  return {
    id,
    patientId: patient.id,
    send: () => asDoctor.call(method as string, path as string, body, options),

    /** Sends it through a copy of the API that runs `beforeAppend` between the first step and the second. */
    sendWith(beforeAppend: Mongo['ready']) {
      const app = createApp({ ...t.deps, mongo: { ...t.deps.mongo, ready: beforeAppend } })
      const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
      return createClient(request, token).call(method as string, path as string, body, options)
    },

    /** Resets PostgreSQL to its state before the third step. */
    async undoThirdStep() {
      const [entry] = await this.entries()
      const pending = { outcome: 'pending' as const }
      await t.db.updateTable('auditOutbox').set(pending).where('writeId', '=', entry!).execute()
      const unanswered = { documentId: entry!, status: null, body: null, headers: null }
      await t.db.updateTable('idempotencyKeys').set(unanswered).where('documentId', '=', entry!).execute()
    },

    entries: async () => {
      const document = (await stored())!
      const list = 'amendments' in document ? document.amendments : (document.events ?? [])
      return list.map((entry) => entry.id)
    },

    async outcomes() {
      const events = t.auditEvents().select(['outcome', 'targetId']).where('kind', 'in', KINDS)
      return (await events.where('targetId', '=', id).execute()).map(({ outcome }) => outcome)
    },

    async unfinishedKeys() {
      const keys = t.db.selectFrom('idempotencyKeys').select('documentId').where('status', 'is', null)
      return (await keys.execute()).map(({ documentId }) => documentId!)
    },
  }
}

const KINDS = ['record.amend', 'prescription.stop']
const SUCCESS: Record<Kind, number> = { amend: 201, stop: 200 }
const noServer = () => Promise.reject(new MongoServerSelectionError('no server', {} as never))
const lostOnTheWay = () => Promise.reject(new MongoNetworkError('connection closed'))
const UNAVAILABLE = { status: 503, body: { code: 'unavailable' } }

async function sweepAMinuteLater() {
  t.clock.advance(60_001)
  return sweepPendingWrites(t.deps)
}

describe.each(['amend', 'stop'] as const)('an append (%s)', (kind) => {
  test('an append that stopped before MongoDB is completed by a retry, with the id and time of the first attempt', async () => {
    const append = await newAppend(kind)
    expect(await append.sendWith(lostOnTheWay)).toMatchObject(UNAVAILABLE)
    expect(await append.entries()).toEqual([])
    expect(await append.outcomes()).toEqual(['pending'])
    const fixed = await append.unfinishedKeys()

    t.clock.advance(5_000)
    const retry = await append.send()
    expect(retry.status).toBe(SUCCESS[kind])
    const [entry] = kind === 'amend' ? retry.body.amendments : retry.body.events
    expect([entry.id]).toEqual(fixed)
    expect(entry.createdAt ?? entry.at).toBe('2026-01-05T12:00:00Z')
    expect(await append.outcomes()).toEqual(['success', 'success'])
    expect((await append.send()).text).toBe(retry.text)
    expect(await append.entries()).toEqual(fixed)
  })

  test('an append that stopped before MongoDB fails for good when the sweeper finds it, and frees its idempotency key', async () => {
    const append = await newAppend(kind)
    await append.sendWith(lostOnTheWay)
    const [fixed] = await append.unfinishedKeys()
    expect(await sweepAMinuteLater()).toBe(1)
    expect(await append.outcomes()).toEqual(['error'])
    expect(await append.unfinishedKeys()).toEqual([])

    expect((await append.send()).status).toBe(SUCCESS[kind])
    const entries = await append.entries()
    expect(entries).toHaveLength(1)
    expect(entries).not.toContain(fixed!)
    expect(await append.outcomes()).toEqual(['error', 'success'])
  })

  test('an append that stopped after MongoDB is found by a retry, with the same answer', async () => {
    const append = await newAppend(kind)
    const first = await append.send()
    await append.undoThirdStep()
    const retry = await append.send()
    expect(retry.text).toBe(first.text)
    expect(await append.entries()).toHaveLength(1)
    expect(await append.outcomes()).toEqual(['success', 'success'])
  })

  test('an append that stopped after MongoDB succeeds when the sweeper finds it', async () => {
    const append = await newAppend(kind, false)
    await append.send()
    await append.undoThirdStep()
    expect(await sweepAMinuteLater()).toBe(1)
    expect(await append.outcomes()).toEqual(['success'])
    expect(await append.entries()).toHaveLength(1)
  })

  test('an append that the sweeper overtook fails and leaves nothing', async () => {
    const append = await newAppend(kind)
    const late = await append.sendWith(async () => {
      await t.deps.mongo.ready()
      expect(await sweepAMinuteLater()).toBe(1)
    })
    expect(late).toMatchObject(UNAVAILABLE)
    expect(await append.entries()).toEqual([])
    expect(await append.outcomes()).toEqual(['error'])
    expect((await append.send()).status).toBe(SUCCESS[kind])
  })

  test('an append and its concurrent retry under the same idempotency key make one entry and return one answer', async () => {
    const append = await newAppend(kind)
    let retry: Awaited<ReturnType<typeof append.send>> | undefined
    const first = await append.sendWith(async () => {
      retry = await append.send()
    })
    expect(first.status).toBe(SUCCESS[kind])
    expect(retry!.text).toBe(first.text)
    expect(await append.entries()).toHaveLength(1)
    expect(await append.outcomes()).toEqual(['success', 'success'])
  })

  test('an append fails at once when no MongoDB server can be reached', async () => {
    const append = await newAppend(kind)
    expect(await append.sendWith(noServer)).toMatchObject(UNAVAILABLE)
    expect(await append.outcomes()).toEqual(['error'])
    expect(await append.unfinishedKeys()).toEqual([])
    expect((await append.send()).status).toBe(SUCCESS[kind])
  })
})

test('an amendment whose record has become full is found by a retry', async () => {
  const append = await newAppend()
  const first = await append.send()
  await append.undoThirdStep()
  const [amendment] = first.body.amendments
  const others = Array.from({ length: 99 }, () => ({ ...amendment, id: crypto.randomUUID(), createdAt: NOW }))
  const add = { $push: { amendments: { $each: others } } }
  await medicalRecords(t.deps.mongo).updateOne({ _id: append.id }, add)
  const retry = await append.send()
  expect(retry.status).toBe(201)
  expect(retry.body.amendments[0]).toEqual(amendment)
  expect(await append.entries()).toHaveLength(100)
})

test('a stop of a prescription that was stopped in the meantime is refused for good and audited as an error', async () => {
  const append = await newAppend('stop')
  const other = await append.sendWith(async () => {
    await t.deps.mongo.ready()
    await prescriptions(t.deps.mongo).updateOne(
      { _id: append.id },
      { $push: { events: { id: 'theirs', kind: 'stopped', at: NOW, reason: null } } },
    )
  })
  expect(other).toMatchObject({ status: 409, body: { code: 'invalid_state' } })
  expect(await append.outcomes()).toEqual(['error'])
  expect(await append.unfinishedKeys()).toEqual([])
  expect(await append.entries()).toEqual(['theirs'])
  expect((await append.send()).status).toBe(409)
})

test('a refused entry is blocked by a tombstone, and an appended entry is found again even without room', async () => {
  const { id, patientId } = await newAppend()
  const append = (entryId: string, room = {}) =>
    appendClinicalEntry(t.deps.mongo, AMENDMENTS, { id, patientId }, { id: entryId }, room)
  expect(await append('a', { title: 'another' })).toEqual({ state: 'refused' })
  expect(await append('a')).toEqual({ state: 'blocked' })
  expect(await append('b')).toMatchObject({ state: 'there' })
  expect(await append('b', { title: 'another' })).toMatchObject({ state: 'there' })
  expect((await medicalRecords(t.deps.mongo).findOne({ _id: id }))!.amendments.map((entry) => entry.id)).toEqual(['b'])
})
