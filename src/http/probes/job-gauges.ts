import { version } from '../../../package.json'
import type { Deps } from '../../deps'
import { DEAD_LETTERS } from '../../jobs/queues'
import { findJobsSchema } from '../../jobs/schema'
import { answerInTime } from '../deadline'
import { ANSWER_MS } from './gauges'
import { countJobs } from './queries'

/** Gauges of the job queue; left out while PostgreSQL does not answer. */
export function addJobGauges({ metrics, db, config }: Pick<Deps, 'metrics' | 'db' | 'config'>): void {
  let schema: string | undefined
  const count = () =>
    answerInTime(ANSWER_MS, async () => {
      schema ??= await findJobsSchema(config.postgres)
      return countJobs(db, schema)
    })
  metrics.addLabelledGauge('jobs_waiting', 'Jobs that wait, by queue; counted to 10000.', 'queue', async () => {
    const { [DEAD_LETTERS]: _dead, ...waiting } = (await count()) ?? {}
    return waiting
  })
  metrics.addGauges({ jobs_dead: 'Jobs that ran out of attempts; counted to 10000.' }, async () => ({
    jobs_dead: (await count())?.[DEAD_LETTERS],
  }))
}

export function addRedisGauge({ metrics, redis }: Pick<Deps, 'metrics' | 'redis'>): void {
  if (!redis) return
  metrics.addGauges({ redis_up: '1 while Redis answers within a second.' }, async () => ({
    redis_up: (await answerInTime(ANSWER_MS, () => redis.ping())) ? 1 : 0,
  }))
}

export function addBuildInfo({ metrics }: Pick<Deps, 'metrics'>): void {
  metrics.addLabelledGauge('clinic_api_build_info', 'Always 1, with the version.', 'version', async () => ({
    [version]: 1,
  }))
}
