import { describe, expect, test } from 'bun:test'
import { auditLogs } from '../../src/audit/collection'
import { startMaintenance } from '../../src/maintenance'
import { createTestApp } from '../support/app'

const t = await createTestApp()

describe('background maintenance', () => {
  test('background maintenance relays audit events while the API runs, and stops on request', async () => {
    const admin = await t.newAdmin()
    const maintenance = startMaintenance(t.deps)
    const { body: clinic } = await t.as(admin).post('/clinics', { name: 'X', timeZone: 'UTC', currency: 'USD' })
    const until = Date.now() + 10_000
    let found = 0
    while (found === 0 && Date.now() < until)
      found = await auditLogs(t.deps.mongo).countDocuments({ bytes: { $regex: clinic.id } })
    await maintenance.stop()
    expect(found).toBe(1)

    await t.as(admin).post('/clinics', { name: 'Y', timeZone: 'UTC', currency: 'USD' })
    expect(await t.auditEvents().select('kind').execute()).toEqual([{ kind: 'clinic.create' }])
  })

  test('background maintenance continues after its database connections were lost', async () => {
    const ended =
      'select pg_terminate_backend(pid, 1000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
    const admin = await t.newAdmin()
    const maintenance = startMaintenance(t.deps)
    await t.deps.postgres.pool.query(ended)
    const { headers } = await t.as(admin).post('/clinics', { name: 'Z', timeZone: 'UTC', currency: 'USD' })
    const requestId = headers.get('x-request-id')!
    const until = Date.now() + 10_000
    const arrived = () => auditLogs(t.deps.mongo).countDocuments({ bytes: { $regex: requestId } })
    while ((await arrived()) === 0 && Date.now() < until);
    await maintenance.stop()
    expect(await arrived()).toBe(1)
  })
})
