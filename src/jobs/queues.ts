/**
 * Payloads of the background jobs by name: ids, instants and small plain values, never personal data. Each feature adds
 * its own by declaration merging, in its `jobs.ts`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: the features fill it in.
export interface JobPayloads {}

export type JobName = keyof JobPayloads

/** Dead-letter queue: jobs that ran out of retries, for an operator. */
export const DEAD_LETTERS = 'dead_letters'

export type QueueSettings = {
  /** Attempts after the first. */
  retryLimit: number
  /** Seconds before the second attempt; doubles from then on, up to the longest. */
  retryDelay: number
  retryDelayMax: number
  /** Seconds after which an attempt that has not ended counts as failed. */
  expireInSeconds: number
  /** Seconds for which a completed job is kept. */
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

/** The options of a queue in pg-boss. */
export const queueOptions = (settings: QueueSettings) => ({ ...settings, retryBackoff: true, deadLetter: DEAD_LETTERS })
