import type { Context } from '../../deps'
import { nextAttempt } from '../retries'
import { postponeEventRow } from './queries'

/** The pauses add up to about six hours: long enough to mend what is broken here. */
const MAX_ATTEMPTS = 14

/** Counts a failed attempt and sets the time of the next one; after the last, keeps the event for a person. */
export async function postponeEvent(
  { db, now, log }: Context<'system'>,
  { id, attempts: before }: { id: string; attempts: number },
  error: unknown,
): Promise<void> {
  const attempts = before + 1
  const isLast = attempts >= MAX_ATTEMPTS
  const retry = isLast
    ? { needsAttention: true, processedAt: now, retryAt: null }
    : { retryAt: nextAttempt(before, now) }
  if (!(await postponeEventRow(db, { id, before }, { attempts, ...retry }))) return
  if (isLast) log.error({ error, eventId: id, attempts }, 'gave up applying a payment event: a person must look at it')
  else log.warn({ error, eventId: id, attempts }, 'could not apply a payment event; the sweeper will try again')
}
