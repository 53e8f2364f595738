import { inTransaction } from '../../database/transaction'
import type { Context, Deps } from '../../deps'
import { Uuid } from '../../http/schemas'
import { type PaymentProvider, type ProviderEntry, ProviderError } from '../../ledger/provider'
import { addDays } from '../../scheduling/local-time'
import { systemContext } from '../../system-context'
import { applyProviderRefund, sendRefund } from '../refunds/service'
import { applyProviderStatus, lockPayment } from '../settle'
import {
  comparePayment,
  compareRefund,
  type Difference,
  paymentMissingThere,
  type Repair,
  refundMissingThere,
} from './compare'
import { findLedgerPayments, type InstantRange, type LedgerPayment, listLedgerPayments } from './queries'

/** Entries younger than this may still get their webhook or job. */
const SETTLING_MS = 15 * 60_000
const PAGE = 200

export type ReconciliationReport = {
  /** How many entries were compared: those that the provider listed, and those it was asked about one by one. */
  compared: number
  found: Difference[]
  /** Differences after the repairs; equal to `found` if nothing was repaired. */
  remaining: Difference[]
}

/** From the first day to the last (UTC), both inclusive. */
export const daysRange = (first: string, last = first): InstantRange => ({
  from: new Date(`${first}T00:00:00Z`),
  until: new Date(`${addDays(last, 1)}T00:00:00Z`),
})

/**
 * Compares the ledger with the provider in `from <= t < until`, but only up to 15 minutes ago. With `fix`, repairs as the
 * lost webhooks and jobs would have done, and compares again. Throws when the provider does not answer.
 */
export async function reconcile(
  deps: Deps,
  provider: PaymentProvider,
  { from, until, fix }: InstantRange & { fix: boolean },
): Promise<ReconciliationReport> {
  const ctx = systemContext(deps, 'payment-reconcile')
  const range = { from, until: new Date(Math.min(until.getTime(), ctx.now.getTime() - SETTLING_MS)) }
  const { compared, differences } = await compare(ctx, provider, range)
  const repairs = differences.flatMap(({ repair }) => repair ?? [])
  if (!fix || repairs.length === 0) return { compared, found: differences, remaining: differences }
  for (const one of repairs) await tryToRepair(ctx, one)
  const { differences: remaining } = await compare(ctx, provider, range)
  return { compared, found: differences, remaining }
}

async function compare(ctx: Context<'system'>, provider: PaymentProvider, range: InstantRange) {
  const results: (Difference | undefined)[] = []
  if (range.from < range.until) {
    const listed = new Set<string | null>()
    for await (const entries of pagesOf(provider, range)) {
      const ledger = await findLedgerPayments(ctx.db, provider.name, { refs: refsOf(entries), ids: idsOf(entries) })
      for (const entry of entries) {
        for (const name of entry.kind === 'charge' ? [entry.paymentRef] : [entry.ref, entry.refundId]) listed.add(name)
        results.push(compareEntry(ledger, entry))
      }
    }
    for await (const payments of ledgerPages(ctx, provider.name, range))
      for (const payment of payments)
        results.push(...(await compareUnlisted(provider, payment, { listed, range, now: ctx.now })))
  }
  return { compared: results.length, differences: results.filter((result) => result !== undefined) }
}

async function* pagesOf(provider: PaymentProvider, range: InstantRange): AsyncGenerator<ProviderEntry[]> {
  for (let cursor: string | undefined; ; ) {
    const { entries, nextCursor } = await provider.listEntries(range, cursor)
    yield entries
    if (nextCursor === null) return
    cursor = nextCursor
  }
}

async function* ledgerPages(
  ctx: Context<'system'>,
  provider: string,
  range: InstantRange,
): AsyncGenerator<LedgerPayment[]> {
  for (let after: string | undefined; ; ) {
    const payments = await listLedgerPayments(ctx.db, provider, range, { after, limit: PAGE })
    yield payments
    if (payments.length < PAGE) return
    after = payments.at(-1)!.id
  }
}

const refsOf = (entries: ProviderEntry[]) => entries.map(({ paymentRef }) => paymentRef)
const idsOf = (entries: ProviderEntry[]) => entries.flatMap(({ paymentId }) => Uuid.safeParse(paymentId).data ?? [])

function compareEntry(ledger: LedgerPayment[], { kind, ...entry }: ProviderEntry): Difference | undefined {
  const { paymentRef, paymentId, amount, currency, status, createdAt } = entry
  const payment =
    ledger.find(({ providerRef }) => providerRef === paymentRef) ?? ledger.find(({ id }) => id === paymentId)
  // The provider's account may also hold payments that are not ours.
  if (!payment && paymentId === null && entry.refundId === null) return undefined
  if (kind === 'refund') return compareRefund(payment, entry)
  const paymentStatus = status === 'succeeded' ? 'succeeded' : 'processing'
  return comparePayment(payment, { ref: paymentRef, paymentId, amount, currency, status: paymentStatus }, createdAt)
}

/**
 * Asks the provider about ids that its list did not contain: they may belong to a neighbouring day or be unknown there.
 * Returns one item for each comparison, undefined where both sides agree.
 */
async function compareUnlisted(
  provider: PaymentProvider,
  payment: LedgerPayment,
  { listed, range, now }: { listed: ReadonlySet<string | null>; range: InstantRange; now: Date },
): Promise<(Difference | undefined)[]> {
  const found: (Difference | undefined)[] = []
  const { providerRef } = payment
  if (providerRef !== null && !listed.has(providerRef)) {
    const there = await orUndefined(provider.getPayment(providerRef))
    if (there) found.push(comparePayment(payment, there, now))
    else if (payment.chargedAmount > 0) found.push(paymentMissingThere(payment))
  }
  for (const refund of payment.entries) {
    const at = new Date(refund.createdAt)
    const { providerRef: ref, status } = refund
    const isListed = listed.has(refund.id) || (ref !== null && listed.has(ref))
    if (isListed || at < range.from || at >= range.until || (ref === null && status === 'failed')) continue
    const there = ref === null ? undefined : await orUndefined(provider.getRefund(ref))
    found.push(there ? compareRefund(payment, there) : refundMissingThere(refund))
  }
  return found
}

/** Undefined if the provider does not know the id. */
async function orUndefined<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ProviderError && error.kind === 'rejected') return undefined
    throw error
  }
}

/** A failed repair is logged and stays a difference, for a person to look at. */
async function tryToRepair(ctx: Context<'system'>, repair: Repair): Promise<void> {
  try {
    await applyRepair(ctx, repair)
  } catch (error) {
    ctx.log.error(
      { error, ...idOf(repair) },
      'could not repair a difference between the ledger and the payment provider',
    )
  }
}

const idOf = (repair: Repair) =>
  repair.what === 'unsent_refund' ? { refundId: repair.refundId } : { paymentId: repair.paymentId }

async function applyRepair(ctx: Context<'system'>, repair: Repair): Promise<void> {
  if (repair.what === 'unsent_refund') return sendRefund(ctx, repair.refundId)
  await inTransaction(ctx, async (ctx) => {
    if (repair.what === 'refund') return applyProviderRefund(ctx, repair.paymentId, repair.refund, ctx.now)
    const locked = await lockPayment(ctx, repair.paymentId)
    if (locked) await applyProviderStatus(ctx, locked, repair.report)
  })
}
