import { asUnavailable } from '../database/constraints'
import type { Context } from '../deps'
import { ProviderError } from '../ledger/provider'
import { postponeRefundRow, postponeReleaseRow } from './retry-rows'

const FIRST_PAUSE_MS = 15_000
const LONGEST_PAUSE_MS = 3_600_000

/** After `before` failed attempts and one more: the pauses double up to an hour. */
export const nextAttempt = (before: number, now: Date): Date =>
  new Date(now.getTime() + Math.min(FIRST_PAUSE_MS * 2 ** before, LONGEST_PAUSE_MS))

export const isDue = (retryAt: Date | null, now: Date): boolean => retryAt === null || retryAt <= now

/** Whether a database or a provider did not answer: then all other work waits as well, and no attempt is counted. */
export const isOutage = (error: unknown): boolean =>
  asUnavailable(error) !== undefined || (error instanceof ProviderError && error.kind === 'unavailable')

/**
 * The money is still owed, so there is no last attempt: the refund is made once its cause is mended, such as a provider
 * that is not configured.
 */
export async function postponeRefund(
  { db, now, log }: Context<'system'>,
  { id, paymentId, attempts: before }: { id: string; paymentId: string; attempts: number },
  error: unknown,
): Promise<void> {
  const changes = { attempts: before + 1, retryAt: nextAttempt(before, now) }
  if (await postponeRefundRow(db, { id, before }, changes))
    log.error({ error, refundId: id, paymentId, ...changes }, 'could not send a refund; the sweeper will try again')
}

/** The payer could still pay, so there is no last attempt. */
export async function postponeRelease(
  { db, now, log }: Context<'system'>,
  { id, releaseAttempts: before }: { id: string; releaseAttempts: number },
  error: unknown,
): Promise<void> {
  const changes = { releaseAttempts: before + 1, releaseRetryAt: nextAttempt(before, now) }
  if (await postponeReleaseRow(db, { id, before }, changes))
    log.error({ error, paymentId: id, ...changes }, 'could not release a payment; the sweeper will try again')
}
