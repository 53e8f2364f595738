import type { ProviderPayment, ProviderRefund } from '../../ledger/provider'
import type { ProviderReport } from '../settle'
import type { LedgerPayment } from './queries'

/** `missing_here`: the provider moved money that the ledger does not know of; `missing_there`: the other way about. */
export type DifferenceKind = 'missing_here' | 'missing_there' | 'other_amount' | 'other_status'

/** What would make both sides agree; each has the effect of the webhook that was lost, once however often it is done. */
export type Repair =
  | { what: 'payment'; paymentId: string; seen: ProviderReport }
  | { what: 'refund'; paymentId: string; refund: ProviderRefund }
  | { what: 'unsent_refund'; refundId: string }

export type Difference = {
  kind: DifferenceKind
  of: 'payment' | 'refund'
  /** Ours; null where nothing here belongs to it. */
  id: string | null
  /** The provider's. */
  ref: string | null
  /** Amount, currency and status on either side, in words; null where there is nothing. */
  here: string | null
  there: string | null
  /** Undefined where somebody has to look. */
  repair?: Repair
}

type LedgerRefund = LedgerPayment['entries'][number]
type State = { amount: number; currency: string; status: string }

const inWords = ({ amount, currency, status }: State) => `${amount} ${currency} ${status.replaceAll('_', ' ')}`
const sameMoney = (a: State, b: State) => a.amount === b.amount && a.currency === b.currency

/** A payment as the provider has it, `at` that time, against the ledger's. */
export function comparePayment(
  here: LedgerPayment | undefined,
  there: Omit<ProviderPayment, 'failureCode'> & Partial<Pick<ProviderPayment, 'failureCode'>>,
  at: Date,
): Difference | undefined {
  const { ref, amount, currency, status, failureCode = null } = there
  const base = { of: 'payment' as const, ref, there: inWords(there) }
  if (!here) return { ...base, kind: 'missing_here', id: there.paymentId, here: null }
  const known = { ...base, id: here.id, here: inWords({ ...here, status: here.providerStatus ?? 'pending' }) }
  // A second payment for one of ours: money that nobody asked for.
  if (here.providerRef !== null && here.providerRef !== ref) return { ...known, kind: 'missing_here' }
  if (!sameMoney({ ...here, status }, there)) return { ...known, kind: 'other_amount' }
  const repair: Repair = {
    what: 'payment',
    paymentId: here.id,
    seen: { ref, amount, currency, status, failureCode, at },
  }
  if (here.chargedAmount > 0) return status === 'succeeded' ? undefined : { ...known, kind: 'missing_there' }
  if (status === 'succeeded') return { ...known, kind: 'missing_here', repair }
  return (here.providerStatus ?? 'pending') === status ? undefined : { ...known, kind: 'other_status', repair }
}

/** A refund as the provider has it against the ledger's, by our id or the provider's. */
export function compareRefund(payment: LedgerPayment | undefined, there: ProviderRefund): Difference | undefined {
  const here = payment?.entries.find(({ id, providerRef }) => id === there.refundId || providerRef === there.ref)
  const base = { of: 'refund' as const, ref: there.ref, there: inWords(there) }
  // What failed before it was heard of moved nothing.
  if (!here && there.status === 'failed') return undefined
  if (!payment) return { ...base, kind: 'missing_here', id: there.refundId, here: null }
  const repair: Repair = { what: 'refund', paymentId: payment.id, refund: there }
  if (!here) return { ...base, kind: 'missing_here', id: null, here: null, repair }
  const known = { ...base, id: here.id, here: inWords(here) }
  if (!sameMoney(here, there)) return { ...known, kind: 'other_amount' }
  if (here.status === there.status) return undefined
  return { ...known, kind: 'other_status', repair }
}

/** The ledger has been paid, and the provider knows of no such payment. */
export const paymentMissingThere = (here: LedgerPayment): Difference => ({
  kind: 'missing_there',
  of: 'payment',
  id: here.id,
  ref: here.providerRef,
  here: inWords({ ...here, status: here.providerStatus ?? 'pending' }),
  there: null,
})

/** A refund that the provider knows nothing of: one that was never sent can still be. */
export const refundMissingThere = (here: LedgerRefund): Difference => ({
  kind: 'missing_there',
  of: 'refund',
  id: here.id,
  ref: here.providerRef,
  here: inWords(here),
  there: null,
  ...(here.providerRef === null && { repair: { what: 'unsent_refund' as const, refundId: here.id } }),
})
