import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { inTransaction } from '../../src/database/transaction'
import { installJobs } from '../../src/jobs/install'
import { enqueue, type JobHandlers } from '../../src/jobs/queue'
import { DEAD_LETTERS, type JobPayloads, QUEUES } from '../../src/jobs/queues'
import { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'
import { until } from '../support/until'

const NAME = 'waitlist.time_freed'
type Payload = JobPayloads[typeof NAME]

const t = await createTestApp()

const payload = (appointmentId: string = crypto.randomUUID()): Payload => ({
  appointmentId,
  was: 'booked',
  doctorId: crypto.randomUUID(),
  clinicId: crypto.randomUUID(),
  startsAt: '2026-01-06T14:00:00.000Z',
})

const send = (sent: Payload, options = {}) => inTransaction(t.deps, (ctx) => enqueue(ctx, NAME, sent, options))

type JobRow = { name: string; state: string; appointment_id: string; output: object | null; waits: number }
const jobsOf = async ({ appointmentId }: Payload) => {
  const { rows } = await sql<JobRow>`
    select name, state, output, extract(epoch from start_after - now())::float8 as waits
    from pgboss.job where data->>'appointmentId' = ${appointmentId} order by name`.execute(t.db)
  return rows
}

const handle = (run: (payload: Payload) => Promise<void> | void): Partial<JobHandlers> => ({
  [NAME]: async (payload) => run(payload),
})

/** Handlers that collect the jobs in `seen`; `all` resolves after `count` of them. */
function watch(count: number) {
  const seen: string[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const handlers = handle(({ appointmentId }) => {
    seen.push(appointmentId)
    if (seen.length === count) resolve()
  })
  return { seen, handlers, all: promise }
}

describe('a job', () => {
  test('a job exists only if the transaction that enqueued it commits', async () => {
    const [kept, undone] = [payload(), payload()]
    await send(kept)
    const failing = inTransaction(t.deps, async (ctx) => {
      await enqueue(ctx, NAME, undone)
      throw new Error('no')
    })
    expect(failing).rejects.toThrow('no')
    await failing.catch(() => {})
    expect(await jobsOf(kept)).toMatchObject([{ name: NAME, state: 'created' }])
    expect(await jobsOf(undone)).toEqual([])
  })

  test('a job is not visible to workers before its transaction has committed', async () => {
    const sent = payload()
    await inTransaction(t.deps, async (ctx) => {
      await enqueue(ctx, NAME, sent)
      expect(await jobsOf(sent)).toEqual([])
    })
    expect(await jobsOf(sent)).toHaveLength(1)
  })

  test('a job can be delayed', async () => {
    const sent = payload()
    await send(sent, { delaySeconds: 900 })
    const [job] = await jobsOf(sent)
    expect(job!.waits).toBeGreaterThan(890)
    expect(job!.waits).toBeLessThanOrEqual(900)
  })
})

describe('a worker', () => {
  test('a worker starts a job that is enqueued while the worker is idle', async () => {
    await sql`delete from pgboss.job`.execute(t.db)
    const { seen, handlers, all } = watch(2)
    const copy = openCopy(t)
    const first = payload()
    await send(first)
    const working = copy.deps.jobs.work(handlers)
    await until(async () => (await jobsOf(first))[0]?.state === 'completed')
    const second = payload()
    await send(second)
    await all
    expect(seen).toEqual([first.appointmentId, second.appointmentId])
    await until(async () => (await jobsOf(second))[0]?.state === 'completed')
    await working.stop()
  })

  test('workers of several copies share the jobs and run each job once', async () => {
    await sql`delete from pgboss.job`.execute(t.db)
    const count = 40
    const { seen, handlers, all } = watch(count)
    const sent = Array.from({ length: count }, () => payload())
    for (const each of sent) await send(each)
    const working = [openCopy(t), openCopy(t)].map(({ deps }) => deps.jobs.work(handlers))
    await all
    await Promise.all(working.map((each) => each.stop()))
    expect(seen.toSorted()).toEqual(sent.map(({ appointmentId }) => appointmentId).toSorted())
  })

  test('a worker retries a failed job later, and the error message is not stored', async () => {
    await sql`delete from pgboss.job`.execute(t.db)
    const sent = payload()
    await send(sent)
    const { deps } = openCopy(t)
    const working = deps.jobs.work(
      handle(() => {
        throw new Error('Ada Lovelace is busy')
      }),
    )
    await until(async () => (await jobsOf(sent))[0]?.state === 'retry')
    const [job] = await jobsOf(sent)
    await working.stop()
    expect(job!.waits).toBeGreaterThan(0)
    expect(job!.output).toEqual({ name: 'Error' })
  })

  test('a job becomes a dead letter after its last attempt', async () => {
    await sql`delete from pgboss.job`.execute(t.db)
    const sent = payload()
    await send(sent)
    await sql`update pgboss.job set retry_limit = 0`.execute(t.db)
    const { deps } = openCopy(t)
    const working = deps.jobs.work(
      handle(() => {
        throw new Error('no')
      }),
    )
    await until(async () => (await jobsOf(sent)).length === 2)
    await working.stop()
    expect(await jobsOf(sent)).toMatchObject([
      { name: DEAD_LETTERS, state: 'created' },
      { name: NAME, state: 'failed' },
    ])
  })

  test('a worker finishes the job it has begun before it stops', async () => {
    await sql`delete from pgboss.job`.execute(t.db)
    const sent = payload()
    await send(sent)
    const { deps } = openCopy(t)
    const [begun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const working = deps.jobs.work(
      handle(() => {
        begun.resolve()
        return mayEnd.promise
      }),
    )
    await begun.promise
    await working.stop()
    const closed = deps.jobs.close()
    mayEnd.resolve()
    await closed
    expect(await jobsOf(sent)).toMatchObject([{ state: 'completed' }])
  })
})

describe('the queues', () => {
  test('the queues exist after the migration, each with its settings and the dead-letter queue', async () => {
    const { rows } = await sql`
      select name, retry_limit as "retryLimit", retry_backoff as backoff, dead_letter as dead
      from pgboss.queue order by name`.execute(t.db)
    const expected = Object.entries(QUEUES).map(([name, { retryLimit }]) => ({
      name,
      retryLimit,
      backoff: true,
      dead: DEAD_LETTERS,
    }))
    const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
    expect(rows).toMatchObject([{ name: DEAD_LETTERS, dead: null }, ...expected].sort(byName))
  })

  test('changed queue settings are applied even when several copies start at once', async () => {
    await sql`update pgboss.queue set retry_limit = 1`.execute(t.db)
    await Promise.all(Array.from({ length: 3 }, () => installJobs(t.deps.config.postgres)))
    const { rows } = await sql`select retry_limit from pgboss.queue where name = ${NAME}`.execute(t.db)
    expect(rows).toEqual([{ retryLimit: QUEUES[NAME].retryLimit }])
  })
})
