import type { Deps } from './deps'
import type { JobHandlers } from './jobs/queue'
import { paymentJobs } from './payments/job-handlers'
import { offerFreedTime } from './waitlist/offer'

/** The handler of each background job. */
export const jobHandlers = (deps: Deps): JobHandlers => ({
  'waitlist.time_freed': (payload) => offerFreedTime(deps, payload),
  ...paymentJobs(deps),
})
