import { afterEach, describe, expect, test } from 'bun:test'
import { linkHash } from '../../src/audit/chain'
import { auditLogsAside } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import { auditReconcileCommand } from '../../src/commands/audit-reconcile'
import { runCommand } from '../../src/commands/command'
import { verifyCommand } from '../../src/commands/verify-command'
import { createTestApp } from '../support/app'
import { append, createTrail, drain, findingOf, stored } from './trail'

const t = await createTestApp()
const { whole, logs, log, restore, inPostgres } = await createTrail(t)
const relay = () => relayAuditEvents(t.deps)

afterEach(async () => {
  await auditLogsAside(t.deps.mongo).deleteMany({})
  await restore()
})

async function run(command: typeof auditReconcileCommand | typeof verifyCommand, words: string[]) {
  const out: string[] = []
  const print = (line: string) => void out.push(line)
  const code = await runCommand(command as typeof verifyCommand, words, t.env, { print, warn: print })
  return { code, out: out.join('\n') }
}
const reconcile = () => run(auditReconcileCommand, ['--reason', 'restored from a backup', '--yes'])
const verify = () => run(verifyCommand, [])

/** PostgreSQL as it was after event 60, with checkpoint 30. */
async function restoreOlderPostgres(): Promise<void> {
  await inPostgres('delete from audit_checkpoints where seq > 60')
  await inPostgres(`update audit_head set seq = 60, hash = '${log(60).hash}'`)
}

const ready = async () => (await t.anonymous.get('/health/ready')).body
const metric = async () => /^audit_relay_stopped (\d)/m.exec(await t.deps.metrics.expose())?.[1]

describe('audit:reconcile', () => {
  test('readiness and a metric say that the relay has stopped, and audit:reconcile adopts the events that continue the chain', async () => {
    await restoreOlderPostgres()
    await append(t, 3)
    await expect(relay()).rejects.toThrow('not relayed')
    expect(await ready()).toMatchObject({ status: 'degraded', reasons: [expect.stringContaining('audit:reconcile')] })
    expect(await metric()).toBe('1')

    const { code, out } = await reconcile()
    expect(out).toContain('60 of them continue the chain and are adopted; 0 do not')
    expect(code).toBe(0)
    expect(await drain(relay)).toBeUndefined()
    expect(await ready()).toMatchObject({ status: 'ok' })
    expect(await metric()).toBe('0')
    expect((await stored(t)).slice(0, 120)).toEqual(whole.logs)
    expect(await findingOf(t)).toBeUndefined()
    expect(await stored(t)).toHaveLength(124)
  })

  test('events that do not continue the chain go aside, and the access log still shows them', async () => {
    await restoreOlderPostgres()
    const { prev, bytes: written } = log(91)
    const bytes = written.replace('203.0', '198.0')
    await logs.updateOne({ _id: 91 }, { $set: { bytes, hash: linkHash(prev, bytes) } })
    const { code, out } = await reconcile()
    expect(out).toContain('31 of them continue the chain and are adopted; 29 do not')
    expect(code).toBe(0)
    expect(await auditLogsAside(t.deps.mongo).countDocuments()).toBe(29)
    const admin = await t.newAdmin()
    const patient = await t.newPatient()
    const aside = { patientIds: [patient.id] }
    await auditLogsAside(t.deps.mongo).updateMany({}, { $set: aside })
    const { body } = await t.as(admin).get(`/patients/${patient.id}/access-log?limit=100`)
    expect(body.data.filter(({ kind }: { kind: string }) => kind === 'test.run')).toHaveLength(29)
  })

  test('a gap can be accepted by a signed event: verification names it and exits with 3, and the route is not intact', async () => {
    await logs.deleteMany({ _id: { $gt: 70, $lte: 90 } })
    expect((await verify()).code).toBe(1)
    const { code, out } = await reconcile()
    expect(out).toContain('Events 71 to 90 are missing from MongoDB.')
    expect(code).toBe(3)
    const verified = await verify()
    expect(verified.out).toContain('101 events, intact but for 1 accepted gap')
    expect(verified.code).toBe(3)
    const admin = await t.newAdmin()
    expect((await t.as(admin).get('/audit/verify')).body).toMatchObject({
      intact: false,
      finding: null,
      acceptedGaps: [{ first: 71, last: 90 }],
    })
  })

  test('an accepted gap at the end of the trail is followed by new events', async () => {
    await logs.deleteMany({ _id: { $gt: 100 } })
    expect(await reconcile()).toMatchObject({ code: 3, out: expect.stringContaining('Events 101 to 120 are missing') })
    await append(t, 2)
    await drain(relay)
    expect((await verify()).code).toBe(3)
  })

  test('an accepted gap hides neither a changed event nor another gap nor a forged acceptance', async () => {
    await logs.deleteMany({ _id: { $gt: 70, $lte: 90 } })
    await reconcile()
    await logs.deleteOne({ _id: 95 })
    expect(await findingOf(t)).toEqual([95, 'it is missing: the next event is 96'])
    await restore()
    await logs.deleteMany({ _id: { $gt: 70, $lte: 90 } })
    const gap = { first: 71, last: 90, before: log(70).hash, after: log(90).hash }
    await append(t, 1, { detail: { ...gap, signature: 'A'.repeat(86) } })
    await drain(relay)
    expect((await verify()).code).toBe(1)
  })

  test('without a reason nothing is changed', async () => {
    await logs.deleteMany({ _id: { $gt: 100 } })
    const refused = await run(auditReconcileCommand, ['--reason', ' ', '--yes'])
    expect(refused).toMatchObject({ code: 2, out: expect.stringContaining('Give a reason') })
    expect(await stored(t)).toHaveLength(100)
  })
})
