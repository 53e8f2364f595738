import { afterEach, describe, expect, test } from 'bun:test'
import { auditLogs } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import { verifyTrail } from '../../src/audit/verify'
import { createTestApp } from '../support/app'
import { append, changeAsOwner, checkpointsOf, createTrail, drain, findingOf, restoreTrail } from './trail'

const t = await createTestApp()
const admin = await t.newAdmin()
const { whole, logs, log, set, restore, inPostgres, rewrite } = await createTrail(t)

describe('an untouched trail', () => {
  test('an untouched trail is intact from the first event and from the newest checkpoint', async () => {
    expect(await checkpointsOf(t)).toEqual([30, 75])
    const checkpoint = whole.checkpoints[0]!
    expect(await verifyTrail(t.deps)).toEqual({
      acceptedGaps: [],
      events: 120,
      first: 1,
      last: 120,
      checkpoint,
      complete: true,
    })
    const fromCheckpoint = await verifyTrail(t.deps, { fromCheckpoint: true })
    expect(fromCheckpoint).toEqual({ acceptedGaps: [], events: 46, first: 75, last: 120, checkpoint, complete: true })
    expect(await findingOf(t, { kept: whole.checkpoints })).toBeUndefined()
  })

  test('an empty trail is intact', async () => {
    const empty = await createTestApp()
    expect(await verifyTrail(empty.deps)).toMatchObject({ events: 0, first: 1, last: 0, complete: true })
  })
})

describe('a long trail', async () => {
  const large = await createTestApp()

  test('verification reports its progress, and is incomplete when its time runs out', async () => {
    await append(large, 2_300)
    await drain(() => relayAuditEvents(large.deps))
    const seen: [number, number][] = []
    await verifyTrail(large.deps, { onProgress: (events, total) => seen.push([events, total]) })
    expect(seen).toEqual([
      [1_000, 2_300],
      [2_000, 2_300],
      [2_300, 2_300],
    ])
    expect(await verifyTrail(large.deps, { timeLimitMs: -1 })).toMatchObject({ complete: false, events: 1_000 })
  })

  test('verification finds a gap of more than a thousand events', async () => {
    const logs = auditLogs(large.deps.mongo)
    const hole = { _id: { $gt: 1_000, $lte: 2_200 } }
    const cut = await logs.find(hole).toArray()
    await logs.deleteMany(hole)
    expect(await findingOf(large)).toEqual([1_001, 'it is missing: the next event is 2201'])
    await logs.insertMany(cut)
  })

  test('verification finds that a checkpoint is missing, since there is one at least every thousand events', async () => {
    expect(await checkpointsOf(large)).toEqual([500, 1_500])
    await changeAsOwner(large, 'delete from audit_checkpoints where seq = 500')
    expect(await findingOf(large)).toEqual([1_000, 'a checkpoint is missing between events 0 and 1500'])
    await changeAsOwner(large, 'delete from audit_checkpoints')
    expect(await findingOf(large)).toEqual([1_000, 'a checkpoint is missing between events 0 and 2300'])
  })

  test('a trail is intact at any moment while it grows', async () => {
    const t = await createTestApp()
    let growing = true
    const grow = async () => {
      for (let i = 0; i < 8; i++) {
        await append(t, 100)
        await relayAuditEvents(t.deps)
      }
      growing = false
    }
    const check = async () => {
      let last = 0
      while (growing) {
        const verdict = await verifyTrail(t.deps)
        expect(verdict.finding).toBeUndefined()
        expect(verdict.last).toBeGreaterThanOrEqual(last)
        last = verdict.last
      }
    }
    await Promise.all([grow(), check()])
    expect(await auditLogs(t.deps.mongo).countDocuments()).toBe(800)
  })
})

describe('GET /audit/verify', () => {
  afterEach(restore)
  const ask = () => t.as(admin).get('/audit/verify')

  test('GET /audit/verify reports that the trail is intact since the newest checkpoint', async () => {
    const { status, body } = await ask()
    expect(status).toBe(200)
    expect(body).toMatchObject({
      intact: true,
      complete: true,
      acceptedGaps: [],
      events: 46,
      first: 75,
      last: 120,
      finding: null,
    })
    expect(body.checkpoint).toMatchObject({ seq: 75, hash: log(75).hash, createdAt: '2026-01-05T13:00:00Z' })
  })

  test('GET /audit/verify names the first changed event', async () => {
    await set(100, { kind: 'test.other' })
    const finding = { seq: 100, problem: 'its kind differs from the hashed one' }
    expect((await ask()).body).toMatchObject({ intact: false, events: 25, finding })
  })

  test('GET /audit/verify finds a rewritten event of the newest checkpoint, even if no event follows it', async () => {
    await restoreTrail(t, { ...whole, logs: whole.logs.slice(0, 75), head: { seq: 75, hash: log(75).hash } })
    expect((await ask()).body).toMatchObject({ intact: true, events: 1 })
    await rewrite(75)
    expect((await ask()).body).toMatchObject({ intact: false, finding: { seq: 75 } })
  })

  test('GET /audit/verify checks the whole trail if there is no checkpoint', async () => {
    await inPostgres('delete from audit_checkpoints')
    expect((await ask()).body).toMatchObject({
      intact: true,
      acceptedGaps: [],
      events: 120,
      first: 1,
      checkpoint: null,
    })
  })

  test('GET /audit/verify leaves one audit event, and GET /audit still answers if an event is damaged', async () => {
    const { headers } = await ask()
    const events = await t
      .auditEvents()
      .select(['kind', 'action', 'outcome'])
      .where('requestId', '=', headers.get('x-request-id')!)
      .execute()
    expect(events).toEqual([{ kind: 'audit.verify', action: 'E', outcome: 'success' }])
    await set(120, { bytes: 'spoilt' })
    const { body } = await t.as(admin).get('/audit', { query: { limit: 2 } })
    expect(body.data).toMatchObject([{ seq: 119 }])
    expect(await logs.countDocuments({ bytes: 'spoilt' })).toBe(1)
  })
})
