import { beforeEach, describe, expect, test } from 'bun:test'
import { auditLogs } from '../../src/audit/collection'
import { pruneAuditTrail } from '../../src/audit/prune'
import { readTrail } from '../../src/audit/queries'
import { relayAuditEvents } from '../../src/audit/relay'
import { verifyTrail } from '../../src/audit/verify'
import { createTestApp } from '../support/app'
import { append, changeAsOwner, clearTrail, drain, event, findingOf, stored } from './trail'

const t = await createTestApp({ AUDIT_RETENTION: '365d' })
const logs = auditLogs(t.deps.mongo)
const relay = () => relayAuditEvents(t.deps)
const prune = () => pruneAuditTrail(t.deps)
const DAY = 86_400_000

/** Three segments of 10, 20 and 30 events, sealed 100 days apart, the last of them today, and 5 that are not sealed. */
beforeEach(async () => {
  await clearTrail(t)
  for (const count of [10, 20, 30, 5]) {
    const events = Array.from({ length: count }, () => ({ ...event(), occurredAt: t.clock.now() }))
    await t.db.insertInto('auditOutbox').values(events).execute()
    await drain(relay)
    if (count === 10 || count === 20) t.clock.advance(100 * DAY)
  }
})

const numbers = async () => (await stored(t)).map(({ _id }) => _id)
const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i)

describe('pruning the audit trail', () => {
  test('pruning deletes no audit event before AUDIT_RETENTION is over', async () => {
    t.clock.advance(165 * DAY)
    expect(await prune()).toBe(0)
    expect(await numbers()).toEqual(range(1, 65))
  })

  test('pruning deletes whole segments older than AUDIT_RETENTION, one per call, and is itself audited', async () => {
    t.clock.advance(265 * DAY + 1)
    expect([await prune(), await prune(), await prune()]).toEqual([10, 20, 0])
    expect(await numbers()).toEqual(range(31, 65))
    await drain(relay)
    const events = await logs.find({ kind: 'audit.prune' }).sort({ _id: 1 }).toArray()
    expect(events.map(({ bytes }) => JSON.parse(bytes).detail)).toEqual([
      { from: 1, to: 10 },
      { from: 11, to: 30 },
    ])
  })

  test('pruning keeps events without a later checkpoint, however old they are', async () => {
    t.clock.advance(3_000 * DAY)
    while ((await prune()) > 0);
    expect(await numbers()).toEqual(range(61, 65))
  })

  test('pruning keeps the checkpoints, and the chain verifies from the last pruned one', async () => {
    t.clock.advance(265 * DAY + 1)
    await prune()
    await drain(relay)
    expect(await t.db.selectFrom('auditCheckpoints').select('seq').orderBy('seq').execute()).toEqual(
      [10, 30, 60, 65].map((seq) => ({ seq })),
    )
    expect(await verifyTrail(t.deps)).toMatchObject({ events: 56, first: 11, last: 66, finding: undefined })
    const { checkpoints } = await readTrail(t.db)
    expect(await findingOf(t, { kept: checkpoints })).toBeUndefined()
    await logs.deleteOne({ _id: 11 })
    expect(await findingOf(t)).toEqual([11, 'it is missing: the next event is 12'])
    await changeAsOwner(t, "update audit_checkpoints set created_at = created_at - interval '1 s' where seq = 10")
    expect(await findingOf(t)).toEqual([10, 'no signed checkpoint confirms that the chain begins after it'])
  })

  test.each([
    ['one of its events was changed', () => logs.updateOne({ _id: 4 }, { $set: { kind: 'x' } })],
    ['one of its events is missing', () => logs.deleteOne({ _id: 4 })],
    ['its checkpoint was forged', () => changeAsOwner(t, "update audit_checkpoints set signature = '' where seq = 10")],
  ])('pruning deletes nothing of a segment if %s', async (_, tamper) => {
    await tamper()
    const before = await numbers()
    t.clock.advance(3_000 * DAY)
    expect(await prune()).toBe(0)
    expect(await numbers()).toEqual(before)
    expect((await readTrail(t.db)).start.seq).toBe(0)
  })

  test('pruning finishes a deletion that crashed, and keeps a younger event among the deleted ones', async () => {
    t.clock.advance(165 * DAY + 1)
    const { checkpoints } = await readTrail(t.db)
    const [first] = checkpoints.toReversed()
    await t.db.updateTable('auditHead').set({ startSeq: 10, startHash: first!.hash }).execute()
    await logs.updateOne({ _id: 7 }, { $set: { occurredAt: t.clock.now() } })
    expect(await prune()).toBe(9)
    expect(await numbers()).toEqual([7, ...range(11, 65)])
    expect(await findingOf(t)).toEqual([7, 'it lies before the beginning of the chain'])
  })

  test('copies that prune at the same moment delete each segment once', async () => {
    t.clock.advance(265 * DAY + 1)
    let deleted = 0
    for (let i = 0; i < 4; i++) for (const count of await Promise.all([prune(), prune(), prune()])) deleted += count
    expect(deleted).toBe(30)
    const events = await t.auditEvents().select('kind').where('kind', '=', 'audit.prune').execute()
    expect(events).toHaveLength(2)
  })

  test('pruning during a verification raises no false alarm', async () => {
    t.clock.advance(265 * DAY + 1)
    const [verdict] = await Promise.all([verifyTrail(t.deps), prune(), prune()])
    expect(verdict.finding).toBeUndefined()
    await append(t, 1)
  })
})
