import { asUnavailable } from '../database/constraints'
import { inTransaction } from '../database/transaction'
import type { Context, Deps } from '../deps'
import { listUnsentRefunds } from '../ledger/entry-rows'
import { ProviderError } from '../ledger/provider'
import { releasePayments } from '../ledger/release'
import { systemContext } from '../system-context'
import { releaseAtProvider } from './card'
import { listAppointmentsToRelease, listUnreleasedPayments, lockAppointmentRow } from './queries'
import { sendRefund } from './refunds/service'
import { requeueUnmatchedEvents } from './settle'
import { listMatchableEvents, listUnprocessedEvents } from './webhooks/queries'
import { processPaymentEvent } from './webhooks/service'

/**
 * What a job is still at work on is left to it. Not for long, since a job that died with its process is found only after
 * a minute, and the payer of a hold has not many; both doing it is no harm.
 */
const PATIENCE_MS = 15_000
/** A card payment nobody finished in this time is given up, so that another can be begun. */
const ABANDONED_MS = 24 * 3_600_000
const BATCH = 100

/**
 * Finishes what no job did: events, refunds and releases that were left, and payments of appointments that are over. Gives
 * how much it was. Any number of copies may call it at any time; while a provider does not answer it leaves the rest.
 */
export async function sweepPayments(deps: Deps): Promise<number> {
  const ctx = systemContext(deps, 'payment-sweep')
  const { db, now } = ctx
  const before = new Date(now.getTime() - PATIENCE_MS)
  const given = await giveUpUnpaid(ctx)
  const matched = await reopenMatchable(ctx)
  const events = await listUnprocessedEvents(db, before, BATCH)
  const refunds = await listUnsentRefunds(db, before, BATCH)
  const releases = await listUnreleasedPayments(db, before, BATCH)
  const done = [
    await each(deps, events, (id) => processPaymentEvent(deps, id)),
    await each(deps, refunds, (id) => sendRefund(deps, id)),
    await each(deps, releases, (id) => releaseAtProvider(deps, id)),
  ]
  return done.reduce((sum, count) => sum + count, given + matched)
}

/** Stops at the first that its provider, or a database, does not answer. */
async function each({ log }: Deps, rows: { id: string }[], run: (id: string) => Promise<void>): Promise<number> {
  for (const [done, { id }] of rows.entries())
    try {
      await run(id)
    } catch (error) {
      log.warn({ error, id }, 'unfinished payment work is left for later')
      if (asUnavailable(error) || (error instanceof ProviderError && error.kind === 'unavailable')) return done
    }
  return rows.length
}

/** Payments of holds that lapsed, of appointments that were cancelled, and cards that nobody ever finished. */
async function giveUpUnpaid(ctx: Context<'system'>): Promise<number> {
  const abandonedBefore = new Date(ctx.now.getTime() - ABANDONED_MS)
  const found = await listAppointmentsToRelease(ctx.db, { now: ctx.now, abandonedBefore, limit: BATCH })
  for (const { appointmentId } of found)
    await inTransaction(ctx, async (ctx) => {
      if (await lockAppointmentRow(ctx.db, appointmentId)) await releasePayments(ctx, appointmentId)
    })
  return found.length
}

async function reopenMatchable(ctx: Context<'system'>): Promise<number> {
  const found = await listMatchableEvents(ctx.db, BATCH)
  for (const { provider, providerRef } of found)
    await inTransaction(ctx, (ctx) => requeueUnmatchedEvents(ctx, provider, providerRef!))
  return found.length
}
