import { inTransaction } from '../database/transaction'
import type { Context, Deps } from '../deps'
import { listUnsentRefunds } from '../ledger/entry-rows'
import { releasePayments } from '../ledger/release'
import { systemContext } from '../system-context'
import { releaseAtProvider } from './card'
import { listAppointmentsToRelease, listUnreleasedPayments, lockPaidAppointment } from './queries'
import { sendRefund } from './refunds/service'
import { isOutage } from './retries'
import { requeueUnmatchedEvents } from './settle'
import { listMatchableEvents, listUnprocessedEvents } from './webhooks/queries'
import { processPaymentEvent } from './webhooks/service'

/**
 * Grace period before the sweeper repeats the work of a job. Short, because pg-boss notices a dead worker only after 60 s
 * and a hold lasts minutes. Doing the work twice is safe.
 */
const GRACE_MS = 15_000
/** A card payment that is unfinished for this long is released, so that another can be created. */
const ABANDONED_MS = 24 * 3_600_000
const BATCH = 100

/**
 * Finishes events, refunds and releases that no job finished, and releases unpaid payments of appointments that are over.
 * Returns how many items it handled. Safe on several copies at once; stops early while a provider does not answer.
 */
export async function sweepPayments(deps: Deps): Promise<number> {
  const ctx = systemContext(deps, 'payment-sweep')
  const { db, now } = ctx
  const before = new Date(now.getTime() - GRACE_MS)
  const released = await releaseUnpaid(ctx)
  const matched = await requeueMatchable(ctx)
  const due = { before, now, limit: BATCH }
  const events = await listUnprocessedEvents(db, due)
  const refunds = await listUnsentRefunds(db, due)
  const releases = await listUnreleasedPayments(db, due)
  const done = [
    await runEach(deps, events, (id) => processPaymentEvent(deps, id)),
    await runEach(deps, refunds, (id) => sendRefund(deps, id)),
    await runEach(deps, releases, (id) => releaseAtProvider(deps, id)),
  ]
  return done.reduce((sum, count) => sum + count, released + matched)
}

/** Stops at the first item for which the provider or a database does not answer. */
async function runEach({ log }: Deps, rows: { id: string }[], run: (id: string) => Promise<void>): Promise<number> {
  for (const [done, { id }] of rows.entries())
    try {
      await run(id)
    } catch (error) {
      log.warn({ error, id }, 'could not finish payment work; the sweeper will try again')
      if (isOutage(error)) return done
    }
  return rows.length
}

/** Unpaid card payments of expired holds, of cancelled appointments, and abandoned ones. */
async function releaseUnpaid(ctx: Context<'system'>): Promise<number> {
  const abandonedBefore = new Date(ctx.now.getTime() - ABANDONED_MS)
  const found = await listAppointmentsToRelease(ctx.db, { now: ctx.now, abandonedBefore, limit: BATCH })
  for (const { appointmentId } of found)
    await inTransaction(ctx, async (ctx) => {
      if (await lockPaidAppointment(ctx.db, appointmentId)) await releasePayments(ctx, appointmentId)
    })
  return found.length
}

async function requeueMatchable(ctx: Context<'system'>): Promise<number> {
  const found = await listMatchableEvents(ctx.db, BATCH)
  for (const { provider, providerRef } of found)
    await inTransaction(ctx, (ctx) => requeueUnmatchedEvents(ctx, provider, providerRef!))
  return found.length
}
