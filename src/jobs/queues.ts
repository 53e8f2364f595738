import type { PaymentJobs } from '../payments/jobs'
import type { WaitlistJobs } from '../waitlist/jobs'

/** Every background job by name, with what it is told: ids, instants and small plain values, never personal data. */
export type JobPayloads = WaitlistJobs & PaymentJobs

export type JobName = keyof JobPayloads

/** Where jobs end up that failed to the last attempt; nobody works on it, an operator looks. */
export const DEAD_LETTERS = 'dead_letters'

export type QueueSettings = {
  /** Attempts after the first. */
  retryLimit: number
  /** Seconds before the second attempt; doubles from then on, up to the longest. */
  retryDelay: number
  retryDelayMax: number
  /** Seconds after which an attempt that says nothing counts as failed. */
  expireInSeconds: number
  /** Seconds for which a job that is done is kept. */
  deleteAfterSeconds: number
}

const USUAL: QueueSettings = {
  retryLimit: 10,
  retryDelay: 2,
  retryDelayMax: 300,
  expireInSeconds: 60,
  deleteAfterSeconds: 86_400,
}

export const QUEUES: Record<JobName, QueueSettings> = {
  'waitlist.time_freed': USUAL,
  'payments.event': USUAL,
  'payments.refund': USUAL,
  'payments.release': USUAL,
}
