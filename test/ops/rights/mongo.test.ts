import { describe, expect, test } from 'bun:test'
import type { Role } from '../../../src/actor'
import { auditLogs } from '../../../src/audit/collection'
import { pruneAuditTrail } from '../../../src/audit/prune'
import { adoptBeyond } from '../../../src/audit/reconcile'
import { relayAuditEvents } from '../../../src/audit/relay'
import { verifyTrail } from '../../../src/audit/verify'
import { asMaintenanceUser } from '../../../src/commands/maintenance-user'
import { deleteExpiredRecords } from '../../../src/privacy/retention/service'
import { sweepUploads } from '../../../src/records/attachments/sweeper'
import { sweepPendingWrites } from '../../../src/records/sweeper'
import { append, drain, stored } from '../../audit/trail'
import { addressOf, CALLS, sentBy } from '../../contract/calls'
import { createWorld } from '../../contract/world'
import { apiDocument, routesOf } from '../../support/api-document'
import { createTestApp } from '../../support/app'
import { openCopy } from '../../support/copies'
import { guardMongo } from './guarded-mongo'
import { mongoUsers } from './scripts'

const SECRETS = { MONGODB_PASSWORD: 'one', MONGODB_MAINTENANCE_PASSWORD: 'two' }
const { users, rightsOf } = mongoUsers(SECRETS)
const t = await createTestApp()
const { MONGODB_URI: uri } = t.env as Record<string, string>
const api = await guardMongo(uri!, rightsOf('clinic'))
const maintenance = await guardMongo(uri!, rightsOf('clinic_maintenance'))
const copy = openCopy(t, { MONGODB_URI: api.uri, MONGODB_MAINTENANCE_URI: '' })
const pruning = openCopy(t, { MONGODB_URI: api.uri, MONGODB_MAINTENANCE_URI: maintenance.uri })
const command = openCopy(t, {
  ...asMaintenanceUser({ MONGODB_URI: api.uri, MONGODB_MAINTENANCE_URI: maintenance.uri }),
} as Record<string, string>)

const DAY = 86_400_000
const metric = async (deps: typeof t.deps) => /^audit_pruning_skipped (\d)/m.exec(await deps.metrics.expose())?.[1]

describe("the API's own user of MongoDB", () => {
  test('may add audit events and read them, but neither change nor delete them nor drop their indexes', () => {
    const prepare = ['createCollection', 'createIndex', 'find', 'listIndexes']
    expect([...rightsOf('clinic').get('audit_logs')!].sort()).toEqual([...prepare, 'insert'].sort())
    expect([...rightsOf('clinic').get('audit_logs_aside')!].sort()).toEqual(prepare)
    for (const actions of rightsOf('clinic').values()) expect([...actions]).not.toContain('dropIndex')
    expect([users.get('clinic')!.pwd, users.get('clinic_maintenance')!.pwd]).toEqual(['one', 'two'])
  })

  test('suffices for every route, for the relay and for all repeating tasks', async () => {
    const world = await createWorld({ ...t, as: copy.as, anonymous: copy.anonymous })
    for (const { method, path, operation } of routesOf(await apiDocument())) {
      const entry = CALLS[`${method} ${path}`]
      if (!entry) continue
      const roles = operation['x-roles']
      const role: Role = typeof roles === 'string' ? 'patient' : roles[0]!
      const call = await entry.call(world, role)
      const client =
        typeof roles === 'string' && roles !== 'signed_in' ? copy.anonymous : copy.as(call.as ?? world.owner[role])
      const { body, headers } = sentBy(call)
      const { status } = await client.call(method, addressOf(path, call), body, { headers, raw: true })
      expect([`${method} ${path}`, status < 400]).toEqual([`${method} ${path}`, true])
    }
    await drain(() => relayAuditEvents(copy.deps))
    await verifyTrail(copy.deps)
    for (const task of [sweepPendingWrites, sweepUploads, deleteExpiredRecords, pruneAuditTrail]) await task(copy.deps)
    expect(await stored(t)).not.toEqual([])
    expect(api.refused).toEqual([])
  })

  test('skips pruning, as a metric says, until a user of its own may prune', async () => {
    await append(t, 10)
    await drain(() => relayAuditEvents(copy.deps))
    t.clock.advance(4_000 * DAY)
    await append(t, 1)
    await drain(() => relayAuditEvents(copy.deps))
    expect(await pruneAuditTrail(copy.deps)).toBe(0)
    expect(await metric(copy.deps)).toBe('1')

    expect(await metric(pruning.deps)).toBe('0')
    expect(await pruneAuditTrail(pruning.deps)).toBeGreaterThan(0)
    expect([...api.refused, ...maintenance.refused]).toEqual([])
  })

  test('does not delete audit events where MongoDB refuses it', async () => {
    const { deps } = copy
    await append(t, 1)
    await drain(() => relayAuditEvents(deps))
    const [log] = await stored(t)
    await expect(auditLogs(deps.mongo).deleteOne({ _id: log!._id })).rejects.toThrow()
    expect(api.refused.splice(0)).toEqual(['delete audit_logs'])
  })

  test('is replaced by the user for maintenance in audit:prune and audit:reconcile, whose rights suffice', async () => {
    expect(asMaintenanceUser({ MONGODB_URI: 'mongodb://one' }).MONGODB_MAINTENANCE_URI).toBe('mongodb://one')
    const { deps } = command
    const logs = await stored(t)
    const last = logs.at(-1)!
    await auditLogs(t.deps.mongo).insertOne({ ...last, _id: last._id + 5, eventId: crypto.randomUUID() })
    expect(await adoptBeyond(deps, 'restored')).toBe(true)
    expect(await deps.mongo.db.collection('audit_logs_aside').countDocuments()).toBe(1)
    expect(await pruneAuditTrail(deps)).toBe(0)
    expect(maintenance.refused).toEqual([])
  })
})
