import { afterAll } from 'bun:test'
import { jobHandlers } from '../../src/job-handlers'
import { openBoss } from '../../src/jobs/boss'
import type { JobHandlers } from '../../src/jobs/queue'
import type { JobName } from '../../src/jobs/queues'
import type { TestApp } from '../support/app'

/** Runs the jobs of an app one after the other on demand, as `work` does in the background. */
export async function createJobRunner(t: Pick<TestApp, 'deps'>, handlers: Partial<JobHandlers> = jobHandlers(t.deps)) {
  const boss = openBoss(t.deps.config.postgres, t.deps.log)
  await boss.start()
  afterAll(() => boss.stop({ graceful: false }))
  return {
    boss,
    /** Runs the due jobs, and the jobs they enqueue, until none is left. Returns their number; throws if one fails. */
    async run(): Promise<number> {
      let done = 0
      for (let found = true; found; ) {
        found = false
        for (const name of Object.keys(handlers) as JobName[]) {
          for (const { id, data } of await boss.fetch<never>(name, { batchSize: 10 })) {
            await handlers[name]!(data, id)
            await boss.complete(name, id)
            found = true
            done++
          }
        }
      }
      return done
    },
  }
}
