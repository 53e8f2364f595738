import type { Transaction } from 'kysely'
import type { PgBoss } from 'pg-boss'
import type { Config } from '../config'
import type { Database } from '../database/schema'
import type { Logger } from '../log'
import { type RunningTasks, runTasks } from '../repeating-tasks'
import { adoptFormerJobs } from './adopt'
import type { JobName, JobPayloads } from './queues'
import { findJobsSchema } from './schema'

/** The handler of each job. A job may run more than once: the repetition must change nothing. */
export type JobHandlers = { [N in JobName]: (payload: JobPayloads[N], jobId: string) => Promise<void> }

export type Jobs = {
  enqueue<N extends JobName>(
    db: Transaction<Database>,
    name: N,
    payloads: JobPayloads[N][],
    options: EnqueueOptions,
  ): Promise<void>
  /** Runs jobs until stopped; waits while the database is down. */
  work(handlers: Partial<JobHandlers>): RunningTasks
  close(): Promise<void>
}

type Enqueuer = { db: Transaction<Database>; jobs: Jobs }
export type EnqueueOptions = {
  /** Seconds to wait before the first attempt, by the database's clock. */
  delaySeconds?: number
}

/** pg-boss polls: with NOTIFY in their transactions, bookings would commit one after the other. */
const POLL_SECONDS = 1
const BATCH = 5
const UPKEEP_MS = 60_000
/** Running jobs get this long when the API stops; another copy repeats a job that is cut off. */
const STOP_MS = 4_000

/** Enqueues a job that exists only if the caller's transaction commits. */
export function enqueue<N extends JobName>(
  { db, jobs }: Enqueuer,
  name: N,
  payload: JobPayloads[N],
  options: EnqueueOptions = {},
): Promise<void> {
  return jobs.enqueue(db, name, [payload], options)
}

/** Enqueues any number of jobs in one statement. */
export async function enqueueAll<N extends JobName>(
  { db, jobs }: Enqueuer,
  name: N,
  payloads: JobPayloads[N][],
): Promise<void> {
  if (payloads.length > 0) await jobs.enqueue(db, name, payloads, {})
}

/**
 * pg-boss with its own two connections, so that jobs and requests never wait for each other. Connects on first use, and
 * loads pg-boss then: a start must not wait for it.
 */
export function createJobs(config: Config['postgres'], log: Logger): Jobs {
  let schema: string | undefined
  let opened: PgBoss | undefined
  let starting: Promise<PgBoss> | undefined
  const open = async () => {
    const { openBoss } = await import('./boss')
    schema ??= await findJobsSchema(config)
    opened ??= openBoss(config, log, schema)
    return opened.start()
  }
  const start = () => {
    starting ??= open().catch((error) => {
      starting = undefined
      throw error
    })
    return starting
  }

  async function workOn<N extends JobName>(name: N, handle: JobHandlers[N]): Promise<void> {
    const options = { pollingIntervalSeconds: POLL_SECONDS, batchSize: BATCH, burstWhenBatchFull: true } as const
    const boss = await start()
    await boss.work<JobPayloads[N], unknown, typeof options & { perJobResults: true }>(
      name,
      { ...options, perJobResults: true },
      (jobs) =>
        Promise.all(
          jobs.map(async ({ id, data }) => {
            try {
              await handle(data, id)
              return { id, status: 'completed' as const }
            } catch (error) {
              log.warn({ job: name, jobId: id, error }, 'a job failed')
              return { id, status: 'failed' as const, output: describe(error) }
            }
          }),
        ),
    )
  }

  return {
    async enqueue(db, name, payloads, { delaySeconds }) {
      const [boss, { fromKysely }] = await Promise.all([start(), import('pg-boss')])
      const jobs = payloads.map((data) => ({ data, startAfter: delaySeconds }))
      await boss.insert(name, jobs, { db: fromKysely(db) })
    },

    work(handlers) {
      let notStarted = Object.keys(handlers) as JobName[]
      const upkeep = async () => {
        const boss = await start()
        for (const name of notStarted) {
          await workOn(name, handlers[name]!)
          notStarted = notStarted.filter((other) => other !== name)
        }
        await boss.supervise()
        return adoptFormerJobs(config, schema!)
      }
      return runTasks(log, [{ name: 'jobs', run: upkeep, pause: (adopted) => (adopted > 0 ? 0 : UPKEEP_MS) }])
    },

    close: async () => opened?.stop({ timeout: STOP_MS }),
  }
}

/** What pg-boss stores with a failed job. No message: it might quote a row. */
function describe(error: unknown): { name: string; code?: string } {
  const { name, code } = error as { name?: string; code?: unknown }
  return { name: name ?? 'Error', ...(typeof code === 'string' && { code }) }
}
