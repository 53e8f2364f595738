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

/** What is younger may have its webhook or job still on the way. */
const SETTLING_MS = 15 * 60_000
const PAGE = 200

export type ReconciliationReport = {
  /** What the provider listed, and what it was asked about besides. */
  compared: number
  found: Difference[]
  /** What differs still; `found` again where nothing was to be repaired. */
  remaining: Difference[]
}

/** Days of UTC, both inclusive. */
export const daysRange = (first: string, last = first): InstantRange => ({
  from: new Date(`${first}T00:00:00Z`),
  until: new Date(`${addDays(last, 1)}T00:00:00Z`),
})

/**
 * Compares ledger and provider in `from <= t < until`, as far as that lies a quarter of an hour back; with `fix` it does what
 * the lost webhooks would have done, and compares once more. Throws while the provider does not answer.
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
  const answers: (Difference | undefined)[] = []
  if (range.from < range.until) {
    const told = new Set<string | null>()
    for await (const entries of pagesOf(provider, range)) {
      const ledger = await findLedgerPayments(ctx.db, provider.name, { refs: refsOf(entries), ids: idsOf(entries) })
      for (const entry of entries) {
        for (const name of entry.kind === 'charge' ? [entry.paymentRef] : [entry.ref, entry.refundId]) told.add(name)
        answers.push(compareEntry(ledger, entry))
      }
    }
    for await (const payments of ledgerPages(ctx, provider.name, range))
      for (const payment of payments)
        answers.push(...(await askAbout(provider, payment, { told, range, now: ctx.now })))
  }
  return { compared: answers.length, differences: answers.filter((answer) => answer !== undefined) }
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
  // An account may have other business than ours.
  if (!payment && paymentId === null && entry.refundId === null) return undefined
  if (kind === 'refund') return compareRefund(payment, entry)
  const seen = status === 'succeeded' ? 'succeeded' : 'processing'
  return comparePayment(payment, { ref: paymentRef, paymentId, amount, currency, status: seen }, createdAt)
}

/**
 * What the listing did not tell of: it may belong to a neighbouring day, or not be there at all. Gives an answer to each
 * question, undefined where both sides agree.
 */
async function askAbout(
  provider: PaymentProvider,
  payment: LedgerPayment,
  { told, range, now }: { told: ReadonlySet<string | null>; range: InstantRange; now: Date },
): Promise<(Difference | undefined)[]> {
  const found: (Difference | undefined)[] = []
  const { providerRef } = payment
  if (providerRef !== null && !told.has(providerRef)) {
    const there = await known(provider.getPayment(providerRef))
    if (there) found.push(comparePayment(payment, there, now))
    else if (payment.chargedAmount > 0) found.push(paymentMissingThere(payment))
  }
  for (const refund of payment.entries) {
    const at = new Date(refund.createdAt)
    const { providerRef: ref, status } = refund
    const isTold = told.has(refund.id) || (ref !== null && told.has(ref))
    if (isTold || at < range.from || at >= range.until || (ref === null && status === 'failed')) continue
    const there = ref === null ? undefined : await known(provider.getRefund(ref))
    found.push(there ? compareRefund(payment, there) : refundMissingThere(refund))
  }
  return found
}

/** Undefined for what the provider does not know. */
async function known<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ProviderError && error.kind === 'rejected') return undefined
    throw error
  }
}

/** One that cannot be made stays a difference, for somebody to look at. */
async function tryToRepair(ctx: Context<'system'>, repair: Repair): Promise<void> {
  try {
    await make(ctx, repair)
  } catch (error) {
    ctx.log.error({ error, ...idOf(repair) }, 'a difference to the payment provider could not be repaired')
  }
}

const idOf = (repair: Repair) =>
  repair.what === 'unsent_refund' ? { refundId: repair.refundId } : { paymentId: repair.paymentId }

async function make(ctx: Context<'system'>, repair: Repair): Promise<void> {
  if (repair.what === 'unsent_refund') return sendRefund(ctx, repair.refundId)
  await inTransaction(ctx, async (ctx) => {
    if (repair.what === 'refund') return applyProviderRefund(ctx, repair.paymentId, repair.refund, ctx.now)
    const locked = await lockPayment(ctx, repair.paymentId)
    if (locked) await applyProviderStatus(ctx, locked, repair.seen)
  })
}
