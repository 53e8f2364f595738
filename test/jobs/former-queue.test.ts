import { afterAll, expect, test } from 'bun:test'
import pg from 'pg'
import { migrate } from '../../db/migrate'
import { adoptFormerJobs } from '../../src/jobs/adopt'
import { openBoss } from '../../src/jobs/boss'
import { DEAD_LETTERS, QUEUES } from '../../src/jobs/queues'
import { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'
import { createDatabases } from '../support/databases'
import { until } from '../support/until'

const NAME = 'waitlist.time_freed'
const { postgres, environment } = await createDatabases()
const admin = new pg.Client({ ...postgres })
await admin.connect()
afterAll(() => admin.end())
await admin.query('drop schema public cascade; create schema public; drop schema pgboss cascade; create schema pgboss')
await migrate({ ...postgres, schema: 'west' })
await migrate({ ...postgres, schema: 'younger' })

const setting = { MONGODB_DATABASE: `former_${process.pid}`, POSTGRESQL_SCHEMA: 'west' }
const t = await createTestApp({ ...environment, ...setting })
const other = openCopy(t)
const younger = openCopy(t, { POSTGRESQL_SCHEMA: 'younger' })
// As an earlier release has made it.
const former = openBoss(t.deps.config.postgres, t.deps.log, 'pgboss')
await former.start()
afterAll(() => former.stop({ graceful: false }))
await former.createQueue(DEAD_LETTERS)
for (const [name, settings] of Object.entries(QUEUES))
  await former.createQueue(name, { ...settings, retryBackoff: true, deadLetter: DEAD_LETTERS })

const count = async (where: string) =>
  (await admin.query<{ count: number }>(`select count(*)::integer from ${where}`)).rows[0]!.count

test('jobs that an earlier release has queued for another schema than public run once, however many copies there are', async () => {
  const sent = Array.from({ length: 60 }, (_, i) => `job-${i}`)
  await former.insert(
    NAME,
    sent.map((appointmentId) => ({ data: { appointmentId } })),
  )
  await former.insert(NAME, [{ data: { appointmentId: 'later' }, startAfter: 900 }])
  const ids = new Set((await admin.query<{ id: string }>('select id from pgboss.job')).rows.map(({ id }) => id))
  // An older copy runs one of them still, and another one was cut off.
  const [running, cutOff] = await former.fetch<{ appointmentId: string }>(NAME, { batchSize: 2 })
  await admin.query(`update pgboss.job set started_on = now() - interval '1 hour' where id = $1`, [cutOff!.id])

  expect(await adoptFormerJobs(younger.deps.config.postgres, 'younger_pgboss')).toBe(0)
  const seen: string[] = []
  const wrong: string[] = []
  const handle = (list: string[]) => ({
    [NAME]: async ({ appointmentId }: { appointmentId: string }, id: string) => {
      expect(ids.has(id)).toBe(true)
      list.push(appointmentId)
    },
  })
  const workers = [
    t.deps.jobs.work(handle(seen)),
    other.deps.jobs.work(handle(seen)),
    younger.deps.jobs.work(handle(wrong)),
  ]
  await until(() => seen.length >= sent.length - 1)
  await Promise.all(workers.map((worker) => worker.stop()))
  expect(seen.toSorted()).toEqual(sent.filter((id) => id !== running!.data.appointmentId).toSorted())
  expect(wrong).toEqual([])
  expect((await admin.query('select id, state from pgboss.job')).rows).toEqual([{ id: running!.id, state: 'active' }])
  expect(await count(`west_pgboss.job where data->>'appointmentId' = 'later' and start_after > now()`)).toBe(1)
})

test('the queue of an installation in public is left to it', async () => {
  const { postgres: apart, environment: env } = await createDatabases()
  await migrate({ ...apart, schema: 'east' })
  const east = await createTestApp({ ...env, MONGODB_DATABASE: `east_${process.pid}`, POSTGRESQL_SCHEMA: 'east' })
  const boss = openBoss({ ...t.deps.config.postgres, ...apart }, t.deps.log, 'pgboss')
  await boss.start()
  await boss.insert(NAME, [{ data: { appointmentId: 'of public' } }])
  expect(await adoptFormerJobs(east.deps.config.postgres, 'east_pgboss')).toBe(0)
  await boss.stop({ graceful: false })
})
