import { expect } from 'bun:test'
import { sql } from 'kysely'
import { GENESIS_HASH, linkHash } from '../../src/audit/chain'
import { type AuditLog, auditLogs, UNIQUE_EVENT } from '../../src/audit/collection'
import { readTrail } from '../../src/audit/queries'
import { relayAuditEvents } from '../../src/audit/relay'
import { type VerifyOptions, verifyTrail } from '../../src/audit/verify'
import { type AuditFacts, auditEvent } from '../../src/database/audit-event'
import { newId } from '../../src/database/ids'
import type { Deps } from '../../src/deps'
import { NOW, type TestApp } from '../support/app'

type App = { deps: Deps; db: Deps['db'] }

export const event = (facts: AuditFacts = {}) =>
  auditEvent(
    { actor: null, now: NOW, requestId: 'request-1', ip: '203.0.113.7' },
    { kind: 'test.run', action: 'E' },
    facts,
  )

/** Writes events to the outbox and returns their ids. */
export async function append({ db }: App, count: number, facts: AuditFacts = {}): Promise<string[]> {
  const events = Array.from({ length: count }, () => event(facts))
  for (let i = 0; i < count; i += 1_000)
    await db
      .insertInto('auditOutbox')
      .values(events.slice(i, i + 1_000))
      .execute()
  return events.map(({ id }) => id)
}

export const waiting = async ({ db }: App) =>
  (await db.selectFrom('auditOutbox').select('id').orderBy('id').execute()).map(({ id }) => id)

export const stored = ({ deps }: App): Promise<AuditLog[]> => auditLogs(deps.mongo).find().sort({ _id: 1 }).toArray()

export const checkpointsOf = async ({ db }: App) => (await readTrail(db)).checkpoints.map(({ seq }) => seq).toReversed()

export async function drain(relay: () => Promise<number>): Promise<void> {
  while ((await relay()) > 0);
}

/** Holds after any history: the chain 1, 2, 3 … verifies, and each expected event is in it once. */
export async function expectWholeTrail(t: App, ids: string[]): Promise<AuditLog[]> {
  const logs = await stored(t)
  expect(logs.map(({ _id }) => _id)).toEqual(logs.map((_, i) => i + 1))
  expect(logs.map(({ eventId }) => eventId).sort()).toEqual([...ids].sort())
  expect(await verifyTrail(t.deps)).toMatchObject({ events: logs.length, last: logs.length, finding: undefined })
  return logs
}

/** Sequence number and text of the verifier's finding. */
export async function findingOf({ deps }: App, options?: VerifyOptions) {
  const { finding } = await verifyTrail(deps, options)
  return finding && ([finding.seq, finding.problem] as const)
}

/** Sets the trail back to its state before the first event. */
export async function clearTrail(t: App): Promise<void> {
  await restoreTrail(t, { logs: [], head: { seq: 0, hash: GENESIS_HASH }, checkpoints: [] })
}

type Snapshot = Awaited<ReturnType<typeof snapshotTrail>>

export async function snapshotTrail(t: App) {
  const { head, checkpoints } = await readTrail(t.db)
  return { logs: await stored(t), head, checkpoints }
}

/** Restores the trail and empties the outbox. Only the owner of the table can do this to checkpoints. */
export async function restoreTrail(t: App, { logs, head, checkpoints }: Snapshot): Promise<void> {
  await sql`delete from audit_outbox`.execute(t.db)
  await sql`update audit_head set seq = ${head.seq}, hash = ${head.hash}, start_seq = 0, start_hash = ${GENESIS_HASH}`.execute(
    t.db,
  )
  await sql`alter table audit_checkpoints disable trigger all`.execute(t.db)
  await sql`truncate audit_checkpoints`.execute(t.db)
  if (checkpoints.length > 0) await t.db.insertInto('auditCheckpoints').values(checkpoints).execute()
  await sql`alter table audit_checkpoints enable trigger all`.execute(t.db)
  await t.deps.mongo.ready()
  await auditLogs(t.deps.mongo).deleteMany({})
  await auditLogs(t.deps.mongo).createIndex({ eventId: 1 }, { name: UNIQUE_EVENT, unique: true })
  if (logs.length > 0) await auditLogs(t.deps.mongo).insertMany(structuredClone(logs))
}

/** Runs a statement as the owner of the PostgreSQL database could. */
export async function changeAsOwner({ db }: Pick<App, 'db'>, statement: string): Promise<void> {
  await sql`alter table audit_checkpoints disable trigger all`.execute(db)
  await sql.raw(statement).execute(db)
}

const HOUR = 3_600_000

/** 120 events of one patient with checkpoints of 30 and 75, and ways to tamper with them. */
export async function createTrail(t: TestApp) {
  const patientId = newId()
  const relay = () => relayAuditEvents(t.deps)
  for (const [count, pause] of [
    [30, HOUR],
    [45, 0],
    [45, 0],
  ] as const) {
    await append(t, count, { patientIds: [patientId] })
    await drain(relay)
    t.clock.advance(pause)
  }
  const whole = await snapshotTrail(t)
  const logs = auditLogs(t.deps.mongo)
  const log = (seq: number): AuditLog => structuredClone(whole.logs[seq - 1]!)
  const set = (seq: number, fields: object) => logs.updateOne({ _id: seq }, { $set: fields })

  return {
    whole,
    logs,
    log,
    set,
    restore: () => restoreTrail(t, whole),
    inPostgres: (statement: string) => changeAsOwner(t, statement),
    /** Rewrites one event and its hash, as an attacker with write access to MongoDB could. */
    async rewrite(seq: number): Promise<void> {
      const { prev, bytes: written } = log(seq)
      const bytes = written.replace('203.0', '198.0')
      await set(seq, { bytes, hash: linkHash(prev, bytes) })
    },
    /** Rewrites all events from `seq` on, so that the chain is consistent again. */
    async rewriteFrom(seq: number): Promise<void> {
      const rewritten: AuditLog[] = []
      let { prev } = log(seq)
      for (const old of whole.logs.slice(seq - 1)) {
        const bytes = old._id === seq ? old.bytes.replace('203.0', '198.0') : old.bytes
        const hash = linkHash(prev, bytes)
        rewritten.push({ ...old, prev, hash, bytes })
        prev = hash
      }
      await logs.deleteMany({ _id: { $gte: seq } })
      await logs.insertMany(rewritten)
    },
  }
}
