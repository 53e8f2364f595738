import { beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { sql } from 'kysely'
import { startEmbeddedMongo } from '../../db/embedded/mongo'
import { chainEvents, GENESIS_HASH, linkHash } from '../../src/audit/chain'
import { type AuditLog, auditLogs } from '../../src/audit/collection'
import { insertLogs, listFinishedEvents, moveHead, readTrail } from '../../src/audit/queries'
import { ForeignLogError, relayAuditEvents } from '../../src/audit/relay'
import { verifyTrail } from '../../src/audit/verify'
import { appendAuditEvent } from '../../src/database/audit-outbox'
import { newId } from '../../src/database/ids'
import { createTestApp, NOW, type TestApp } from '../support/app'
import { impatient } from '../support/impatient'
import { runFolder } from '../support/run-folder'
import { append, clearTrail, drain, event, expectWholeTrail, findingOf, stored, waiting } from './trail'

const FULL = process.env.TEST_SCALE === 'full'

const t = await createTestApp()
const relay = () => relayAuditEvents(t.deps)

const headOf = async ({ db }: Pick<TestApp, 'db'>) => (await readTrail(db)).head

beforeEach(() => clearTrail(t))

describe('the audit relay', () => {
  test('the audit relay moves events to MongoDB oldest first, chains each to the one before and empties the outbox', async () => {
    const patientIds = [newId(), newId()]
    const targetId = newId()
    const actor = { userId: newId(), role: 'doctor' as const }
    const [first] = await append(t, 1, { patientIds, targetId, actor, detail: { replayed: true, count: 2 } })
    const rest = await append(t, 1, { outcome: 'error' })
    expect(await relay()).toBe(2)
    expect(await relay()).toBe(0)
    const [one, two] = await expectWholeTrail(t, [first!, ...rest])
    const bytes = JSON.stringify({
      seq: 1,
      eventId: first!,
      occurredAt: NOW.toISOString(),
      kind: 'test.run',
      action: 'E',
      outcome: 'success',
      actorId: actor.userId,
      actorRole: 'doctor',
      purpose: 'treatment',
      patientIds,
      targetId,
      requestId: 'request-1',
      ip: '203.0.113.7',
      detail: { count: 2, replayed: true },
    })
    expect(one).toEqual({
      _id: 1,
      eventId: first!,
      occurredAt: NOW,
      kind: 'test.run',
      actorId: actor.userId,
      patientIds,
      prev: GENESIS_HASH,
      hash: linkHash(GENESIS_HASH, bytes),
      bytes,
    })
    expect(two).toMatchObject({ _id: 2, prev: one!.hash, actorId: null, patientIds: [] })
    expect(JSON.parse(two!.bytes)).toMatchObject({ outcome: 'error', actorRole: null, purpose: null, detail: null })
    expect(await headOf(t)).toEqual({ seq: 2, hash: two!.hash })
    expect(await waiting(t)).toEqual([])
  })

  test('the hash of a relayed event can be computed by sha256sum', async () => {
    await append(t, 2, { detail: { note: 'ü€𝄞' } })
    await relay()
    for (const { prev, bytes, hash } of await stored(t)) {
      const sum = Bun.spawnSync(['sh', '-c', 'printf "%s%s" "$1" "$2" | sha256sum', 'sh', prev, bytes])
      expect(sum.stdout.toString().slice(0, 64)).toBe(hash)
    }
  })

  test('the audit relay works through more than one batch', async () => {
    const ids = await append(t, 1_201)
    expect([await relay(), await relay(), await relay(), await relay()]).toEqual([500, 500, 201, 0])
    await expectWholeTrail(t, ids)
  })

  test('the audit relay leaves pending events until they are settled', async () => {
    const [pending] = await append(t, 1, { outcome: 'pending' })
    const settled = await append(t, 2)
    await drain(relay)
    await expectWholeTrail(t, settled)
    expect(await waiting(t)).toEqual([pending!])
    await t.db.updateTable('auditOutbox').set({ outcome: 'success' }).where('id', '=', pending!).execute()
    await drain(relay)
    await expectWholeTrail(t, [...settled, pending!])
  })

  test('the audit relay takes an event with a lower id that commits after higher ids were relayed', async () => {
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

  test('several audit relays at once store each event once without a gap while events are written', async () => {
    const { ids, refused } = await relayWhileWriting(t, () => relay)
    expect(refused).toEqual([])
    await drain(relay)
    await expectWholeTrail(t, ids)
    expect(await waiting(t)).toEqual([])
  })

  test('several audit relays without their lock still store each event once without a gap', async () => {
    const elsewhere = await createTestApp()
    let turn = 0
    // A lock in another database does not exclude the relays of this one.
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
    ['the whole batch', 10],
    ['a part of the batch', 4],
  ])('no audit event is lost or doubled if a relay crashes after MongoDB has stored %s', async (_, landed) => {
    const before = await append(t, 3)
    await drain(relay)
    const ids = await append(t, 10)
    await storeWithoutMovingHead(t, landed)
    expect((await headOf(t)).seq).toBe(3)
    const lower = await lateEvent(t, ids)

    await drain(relay)
    const logs = await expectWholeTrail(t, [...before, ...ids, lower])
    expect(logs.slice(3, 3 + landed).map(({ eventId }) => eventId)).toEqual(ids.slice(0, landed))
    expect(await waiting(t)).toEqual([])
  })

  test('an audit relay that crashes several times loses and doubles no event', async () => {
    const ids = await append(t, 6)
    await sql`create function refuse() returns trigger language plpgsql as $$ begin raise 'crash'; end $$`.execute(t.db)
    await sql`create trigger crash before delete on audit_outbox execute function refuse()`.execute(t.db)
    for (let i = 0; i < 3; i++) await expect(relay()).rejects.toThrow('crash')
    expect([await waiting(t), (await headOf(t)).seq]).toEqual([ids, 0])
    await sql`drop function refuse cascade`.execute(t.db)
    await drain(relay)
    await expectWholeTrail(t, ids)
  })

  test('the head of the audit chain moves only from the position that was read, and outbox rows are deleted only then', async () => {
    const ids = await append(t, 2)
    const nowhere = { seq: 0, hash: GENESIS_HASH }
    const end = { seq: 2, hash: 'a'.repeat(64) }
    expect(await moveHead(t.db, { seq: 1, hash: GENESIS_HASH }, end, ids)).toBe(false)
    expect(await moveHead(t.db, { seq: 0, hash: 'b'.repeat(64) }, end, ids)).toBe(false)
    expect([await waiting(t), await headOf(t)]).toEqual([ids, nowhere])
    expect(await moveHead(t.db, nowhere, end, ids)).toBe(true)
    expect([await waiting(t), await headOf(t)]).toEqual([[], end])
  })

  test.each<[string, (log: AuditLog) => Promise<AuditLog> | AuditLog]>([
    ['an invented event', async (log) => rehashed({ ...log, eventId: newId() })],
    ['the event of a waiting row with another kind', async (log) => rehashed({ ...log, kind: 'test.other' })],
    ['the right bytes with another time', (log) => ({ ...log, occurredAt: new Date(0) })],
    ['the right event with another previous hash', (log) => ({ ...log, prev: 'f'.repeat(64) })],
    ['the right event at another position', (log) => ({ ...log, _id: log._id + 3 })],
  ])('the audit relay reports a foreign document beyond the head and does not overwrite it: %s', async (_, forge) => {
    const before = await append(t, 2)
    await drain(relay)
    const ids = await append(t, 5)
    const [next] = chainEvents(await headOf(t), await listFinishedEvents(t.db, 1))
    const planted = await forge(next!)
    await insertLogs(t.deps.mongo, [planted])
    const head = await headOf(t)
    await expect(relay()).rejects.toBeInstanceOf(ForeignLogError)
    await expect(relay()).rejects.toBeInstanceOf(ForeignLogError)
    expect([await waiting(t), await headOf(t)]).toEqual([ids, head])
    expect((await stored(t)).slice(2)).toEqual([planted])
    expect(await findingOf(t)).toEqual([planted._id, 'it was not relayed from PostgreSQL'])

    await auditLogs(t.deps.mongo).deleteOne({ _id: planted._id })
    await drain(relay)
    await expectWholeTrail(t, [...before, ...ids])
  })

  test('events that were relayed before the chain existed stay outside of it', async () => {
    const unchained = { occurredAt: NOW, kind: 'test.run', action: 'E', outcome: 'success', patientIds: [] }
    const old = [1, 2].map((seq) => ({ _id: seq, eventId: newId(), ...unchained }) as unknown as AuditLog)
    await insertLogs(t.deps.mongo, old)
    await sql`update audit_head set seq = 2, start_seq = 2`.execute(t.db)
    await append(t, 3)
    await drain(relay)
    expect((await stored(t))[2]).toMatchObject({ _id: 3, prev: GENESIS_HASH })
    expect(await verifyTrail(t.deps)).toMatchObject({ events: 3, first: 3, last: 5, finding: undefined })
    expect(await verifyTrail(t.deps, { fromCheckpoint: true })).toMatchObject({ events: 1, first: 5 })
  })

  test('audit events wait while MongoDB is down and arrive once when it is back', async () => {
    const directory = mkdtempSync(join(runFolder(), 'audit-mongo-'))
    const start = () => startEmbeddedMongo({ directory, ephemeral: true })
    let mongo = await start()
    try {
      const t = await createTestApp({ MONGODB_URI: impatient(mongo.uri), MONGODB_DATABASE: 'audit' })
      const admin = await t.newAdmin()
      const relay = () => relayAuditEvents(t.deps)
      const ids = await append(t, 2)
      await relay()
      await mongo.stop()

      ids.push(...(await append(t, 2)))
      const [failed, answer] = await Promise.all([relay().catch((error) => error), t.as(admin).get('/audit')])
      expect(failed).toBeInstanceOf(Error)
      expect(answer).toMatchObject({ status: 503, body: { code: 'unavailable' } })
      const failures = await t.db.selectFrom('auditOutbox').select('id').where('outcome', '=', 'error').execute()
      expect(failures).toHaveLength(1)
      ids.push(...failures.map(({ id }) => id))
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

/** Runs three relays made by `make` beside two writers; returns all event ids and the errors of the relays. */
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

/** The state that a relay leaves if it crashes after MongoDB has stored `count` events of its batch. */
async function storeWithoutMovingHead({ db, deps }: TestApp, count: number): Promise<void> {
  await deps.mongo.ready()
  await insertLogs(deps.mongo, chainEvents(await headOf({ db }), await listFinishedEvents(db, count)))
}

/** A forgery by an attacker with write access to MongoDB: the bytes match the fields, and the hash matches the bytes. */
async function rehashed(log: AuditLog): Promise<AuditLog> {
  const { _id: seq, eventId, kind } = log
  const bytes = JSON.stringify({ ...JSON.parse(log.bytes), seq, eventId, kind })
  return { ...log, bytes, hash: linkHash(log.prev, bytes) }
}

/** An event whose id is lower than all of `ids`. */
async function lateEvent({ db }: TestApp, ids: string[]): Promise<string> {
  const id = ids[0]!.replace(/^.{8}/, '00000000')
  await appendAuditEvent(db, { ...event(), id })
  return id
}
