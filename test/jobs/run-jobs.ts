import { afterAll } from 'bun:test'
import { jobHandlers } from '../../src/job-handlers'
import { type JobHandlers, openBoss } from '../../src/jobs/queue'
import type { JobName } from '../../src/jobs/queues'
import type { TestApp } from '../support/app'

/** Does the jobs of an app one after the other when the test says so, as `work` would in the background. */
export async function createJobRunner(t: Pick<TestApp, 'deps'>, handlers: Partial<JobHandlers> = jobHandlers(t.deps)) {
  const boss = openBoss(t.deps.config.postgres, t.deps.log)
  await boss.start()
  afterAll(() => boss.stop({ graceful: false }))
  return {
    boss,
    /** Does what is due, and what that leaves to be done, until nothing is; gives how many jobs. A failure is thrown. */
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
