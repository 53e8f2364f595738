import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { inTransaction } from '../../src/database/transaction'
import { jobHandlers } from '../../src/job-handlers'
import { enqueue } from '../../src/jobs/queue'
import { createAccounts } from '../auth/accounts'
import { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'
import { pgbouncer, startPgBouncer } from '../support/pgbouncer'
import { startServer } from '../support/server'
import { until } from '../support/until'

const t = await createTestApp()
setDefaultTimeout(180_000)
const { postgres } = t.deps.config
const NAME = 'waitlist.time_freed'
const { newAccount, signIn } = createAccounts(t)

describe.skipIf(!pgbouncer)('PostgreSQL behind PgBouncer', () => {
  test('with session pooling people sign in and book, jobs run, and an ended session is heard of', async () => {
    const copy = openCopy(t, await startPgBouncer(postgres, 'session'))
    const { email } = await newAccount()
    const signedIn = await copy.anonymous.post('/auth/login', { email, password: 'correct horse battery' })
    expect(signedIn.status).toBe(200)

    const doctor = await t.newDoctor({ clinicId: (await t.newClinic()).id })
    const visit = { doctorId: doctor.id, startsAt: '2026-01-06T10:00:00-05:00' }
    expect((await copy.as((await t.newPatient()).actor).post('/appointments', visit)).status).toBe(201)

    const done = new Set<string>()
    const handlers = {
      ...jobHandlers(copy.deps),
      [NAME]: async ({ appointmentId }: { appointmentId: string }) => void done.add(appointmentId),
    }
    const working = copy.deps.jobs.work(handlers)
    afterAll(() => working.stop())
    const job = { appointmentId: crypto.randomUUID(), was: 'booked' as const, clinicId: crypto.randomUUID(), ...visit }
    await inTransaction(copy.deps, (ctx) => enqueue(ctx, NAME, job))
    await until(() => done.has(job.appointmentId))

    const { body } = await signIn(email)
    const current = async () => {
      let taken = 0
      const count = () => taken++
      copy.deps.postgres.pool.on('acquire', count)
      const caller = await copy.deps.authenticate(body.accessToken).catch(() => undefined)
      copy.deps.postgres.pool.off('acquire', count)
      return { refused: !caller, fromMemory: taken === 0 }
    }
    await until(async () => (await current()).fromMemory)
    const { headers } = { headers: { authorization: `Bearer ${body.accessToken}` } }
    expect((await t.anonymous.post('/auth/logout', undefined, { headers })).status).toBe(204)
    await until(async () => {
      const { refused, fromMemory } = await current()
      return refused && fromMemory
    })
  })

  test.each([
    ['transaction', ''],
    ['transaction', 'default_pool_size = 1'],
    ['statement', ''],
  ] as const)('%s pooling is refused at the start in one sentence (%s)', async (mode, more) => {
    const settings = await startPgBouncer(postgres, mode, more)
    const { code, complaint } = await startServer({ ...t.env, ...settings }).ended()
    expect({ code, complaint }).toEqual({
      code: 1,
      complaint: `127.0.0.1:${settings.POSTGRESQL_PORT} is a pooler that gives each transaction another connection: use pool_mode=session, or connect to PostgreSQL itself.\n`,
    })
  })
})
