import { beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { type AuditLog, auditLogs } from '../../src/audit/collection'
import { findHead, insertLogs, listFinishedEvents, moveHead } from '../../src/audit/queries'
import { relayAuditEvents } from '../../src/audit/relay'
import { type AuditFacts, appendAuditEvent, auditEvent } from '../../src/database/audit-outbox'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW, type TestApp } from '../support/app'

const FULL = process.env.TEST_SCALE === 'full'

const event = (facts: AuditFacts = {}) =>
  auditEvent(
    { actor: null, now: NOW, requestId: 'request-1', ip: '203.0.113.7' },
    { kind: 'test.run', action: 'E' },
    facts,
  )

async function append({ db }: Pick<TestApp, 'db'>, count: number, facts: AuditFacts = {}): Promise<string[]> {
  const events = Array.from({ length: count }, () => event(facts))
  await db.insertInto('auditOutbox').values(events).execute()
  return events.map(({ id }) => id)
}

const waiting = async ({ db }: Pick<TestApp, 'db'>) =>
  (await db.selectFrom('auditOutbox').select('id').orderBy('id').execute()).map(({ id }) => id)

const stored = ({ deps }: TestApp) => auditLogs(deps.mongo).find().sort({ _id: 1 }).toArray()

/** What must be true after any history: sequence 1, 2, 3 … up to the head, and each expected event once. */
async function expectWholeTrail(t: TestApp, ids: string[]): Promise<AuditLog[]> {
  const logs = await stored(t)
  expect(logs.map(({ _id }) => _id)).toEqual(logs.map((_, i) => i + 1))
  expect(logs.map(({ eventId }) => eventId).sort()).toEqual([...ids].sort())
  expect(await findHead(t.db)).toBe(logs.length)
  return logs
}

async function drain(relay: () => Promise<number>): Promise<void> {
  while ((await relay()) > 0);
}

const t = await createTestApp()
const relay = () => relayAuditEvents(t.deps)

beforeEach(async () => {
  await sql`delete from audit_outbox`.execute(t.db)
  await sql`update audit_head set seq = 0`.execute(t.db)
  await auditLogs(t.deps.mongo).deleteMany({})
})

describe('the audit relay', () => {
  test('moves events to MongoDB as they are, oldest first, and empties the outbox', async () => {
    const patientIds = [newId(), newId()]
    const targetId = newId()
    const actor = { userId: newId(), role: 'doctor' as const }
    const [first] = await append(t, 1, { patientIds, targetId, actor, detail: { replayed: true, count: 2 } })
    const rest = await append(t, 1, { outcome: 'error' })
    expect(await relay()).toBe(2)
    expect(await relay()).toBe(0)
    const logs = await expectWholeTrail(t, [first!, ...rest])
    expect(logs[0]).toEqual({
      _id: 1,
      eventId: first!,
      occurredAt: NOW,
      kind: 'test.run',
      action: 'E',
      outcome: 'success',
      actorId: actor.userId,
      actorRole: 'doctor',
      patientIds,
      targetId,
      requestId: 'request-1',
      ip: '203.0.113.7',
      detail: { replayed: true, count: 2 },
    })
    expect(logs[1]).toMatchObject({ _id: 2, outcome: 'error', actorId: null, patientIds: [], detail: null })
    expect(await waiting(t)).toEqual([])
  })

  test('works through more than one batch', async () => {
    const ids = await append(t, 1_201)
    expect([await relay(), await relay(), await relay(), await relay()]).toEqual([500, 500, 201, 0])
    await expectWholeTrail(t, ids)
  })

  test('leaves pending events until they are settled', async () => {
    const [pending] = await append(t, 1, { outcome: 'pending' })
    const settled = await append(t, 2)
    await drain(relay)
    await expectWholeTrail(t, settled)
    expect(await waiting(t)).toEqual([pending!])
    await t.db.updateTable('auditOutbox').set({ outcome: 'success' }).where('id', '=', pending!).execute()
    await drain(relay)
    await expectWholeTrail(t, [...settled, pending!])
  })

  test('takes an event with a lower id that commits after higher ones were relayed', async () => {
    const late = event()
    const early = await t.db.transaction().execute(async (trx) => {
      await appendAuditEvent(trx, late)
      const ids = await append(t, 3)
      await drain(relay)
      await expectWholeTrail(t, ids)
      return ids
    })
    expect(late.id < early[0]!).toBe(true)
    await drain(relay)
    const logs = await expectWholeTrail(t, [...early, late.id])
    expect(logs.at(-1)!.eventId).toBe(late.id)
  })

  test('several at once, while events keep coming, store each once without a gap', async () => {
    const { ids, refused } = await relayWhileWriting(t, () => relay)
    expect(refused).toEqual([])
    await drain(relay)
    await expectWholeTrail(t, ids)
    expect(await waiting(t)).toEqual([])
  })

  test('even with the lock lost, several at once store each once without a gap', async () => {
    const elsewhere = await createTestApp()
    let turn = 0
    // Locks taken in another database keep nobody out of this one.
    const unlocked = () => {
      const { postgres } = turn++ % 2 ? t.deps : elsewhere.deps
      return () => relayAuditEvents({ ...t.deps, postgres })
    }
    const { ids, refused } = await relayWhileWriting(t, unlocked)
    await drain(relay)
    await expectWholeTrail(t, ids)
    for (const error of refused) expect(error).toMatchObject({ code: 11_000 })
  })

  test.each([
    ['all of a batch', 10],
    ['a part of a batch', 4],
  ])('after a crash between the databases, with %s stored, nothing is lost or doubled', async (_, landed) => {
    const before = await append(t, 3)
    await drain(relay)
    const ids = await append(t, 10)
    await storeWithoutMovingHead(t, landed)
    expect(await findHead(t.db)).toBe(3)
    const lower = await lateEvent(t, ids)

    await drain(relay)
    const logs = await expectWholeTrail(t, [...before, ...ids, lower])
    expect(logs.slice(3, 3 + landed).map(({ eventId }) => eventId)).toEqual(ids.slice(0, landed))
    expect(await waiting(t)).toEqual([])
  })

  test('a crash that repeats itself changes nothing', async () => {
    const ids = await append(t, 6)
    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise 'crash'; end $$`.execute(t.db)
    await sql`create trigger crash before delete on audit_outbox execute function refuse()`.execute(t.db)
    for (let i = 0; i < 3; i++) await expect(relay()).rejects.toThrow('crash')
    expect([await waiting(t), await findHead(t.db)]).toEqual([ids, 0])
    await sql`drop function refuse cascade`.execute(t.db)
    await drain(relay)
    await expectWholeTrail(t, ids)
  })

  test('the head moves only from where it was read, and only then do rows go', async () => {
    const ids = await append(t, 2)
    expect(await moveHead(t.db, 1, 3, ids)).toBe(false)
    expect([await waiting(t), await findHead(t.db)]).toEqual([ids, 0])
    expect(await moveHead(t.db, 0, 2, ids)).toBe(true)
    expect([await waiting(t), await findHead(t.db)]).toEqual([[], 2])
  })

  test('a log that somebody put beyond a gap holds nothing up', async () => {
    const ids = await append(t, 5)
    const [template] = await listFinishedEvents(t.db, 1)
    const planted = { ...template, id: undefined, _id: 3, eventId: newId() } as unknown as AuditLog
    await insertLogs(t.deps.mongo, [planted])
    await expect(relay()).rejects.toMatchObject({ code: 11_000 })
    await drain(relay)
    await expectWholeTrail(t, [...ids, planted.eventId])
  })

  test('MongoDB down: events wait; back again: they arrive once', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'audit-mongo-'))
    const start = () => startEmbeddedMongo({ directory, ephemeral: true })
    let mongo = await start()
    try {
      const t = await createTestApp({ MONGODB_URI: mongo.uri, MONGODB_DATABASE: 'audit' })
      const admin = await t.newAdmin()
      const relay = () => relayAuditEvents(t.deps)
      const ids = await append(t, 2)
      await relay()
      await mongo.stop()

      ids.push(...(await append(t, 2)))
      const [failed, answer] = await Promise.all([relay().catch((error) => error), t.as(admin).get('/audit')])
      expect(failed).toBeInstanceOf(Error)
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      expect(await waiting(t)).toEqual(ids.slice(2))

      mongo = await start()
      await drain(relay)
      await expectWholeTrail(t, ids)
    } finally {
      await mongo.stop()
      rmSync(directory, { recursive: true, force: true })
    }
  })
})

/** Three relays made by `make` and two writers; gives every event's id and what relays threw. */
async function relayWhileWriting(t: TestApp, make: () => () => Promise<number>) {
  const ids: string[] = []
  const refused: unknown[] = []
  let writing = true
  const write = async () => {
    for (let i = 0; i < (FULL ? 300 : 30); i++) ids.push(...(await append(t, 1 + (i % 7))))
  }
  const keepRelaying = async (relay: () => Promise<number>) => {
    while (writing) await relay().catch((error) => refused.push(error))
  }
  const relays = [make(), make(), make()].map(keepRelaying)
  await Promise.all([write(), write()])
  writing = false
  await Promise.all(relays)
  return { ids, refused }
}

/** What a relay leaves that dies after MongoDB has taken `count` of its batch. */
async function storeWithoutMovingHead({ db, deps }: TestApp, count: number): Promise<void> {
  await deps.mongo.ready()
  const head = await findHead(db)
  const logs = (await listFinishedEvents(db, count)).map(
    ({ id, ...rest }, i) => ({ ...rest, _id: head + 1 + i, eventId: id }) as AuditLog,
  )
  await insertLogs(deps.mongo, logs)
}

/** An event whose id is lower than all of `ids`. */
async function lateEvent({ db }: TestApp, ids: string[]): Promise<string> {
  const id = ids[0]!.replace(/^.{8}/, '00000000')
  await appendAuditEvent(db, { ...event(), id })
  return id
}
