import type { ProviderPayment, ProviderRefund } from '../../ledger/provider'
import type { ProviderReport } from '../settle'
import type { LedgerPayment } from './queries'

/** `missing_here`: money moved at the provider that is not in the ledger; `missing_there`: the reverse. */
export type DifferenceKind = 'missing_here' | 'missing_there' | 'other_amount' | 'other_status'

/** A change that makes both sides agree, as the lost webhook or job would have done. Safe to repeat. */
export type Repair =
  | { what: 'payment'; paymentId: string; report: ProviderReport }
  | { what: 'refund'; paymentId: string; refund: ProviderRefund }
  | { what: 'unsent_refund'; refundId: string }

export type Difference = {
  kind: DifferenceKind
  of: 'payment' | 'refund'
  /** Our id; null if the ledger has nothing that matches. */
  id: string | null
  /** The provider's id. */
  ref: string | null
  /** Amount, currency and status on each side, as text; null if missing there. */
  here: string | null
  there: string | null
  /** Undefined if a person must decide. */
  repair?: Repair
}

type LedgerRefund = LedgerPayment['entries'][number]
type State = { amount: number; currency: string; status: string }

const inWords = ({ amount, currency, status }: State) => `${amount} ${currency} ${status.replaceAll('_', ' ')}`
const sameMoney = (a: State, b: State) => a.amount === b.amount && a.currency === b.currency

/** Compares a payment at the provider, as of `at`, with the ledger's. Undefined if they agree. */
export function comparePayment(
  here: LedgerPayment | undefined,
  there: Omit<ProviderPayment, 'failureCode'> & Partial<Pick<ProviderPayment, 'failureCode'>>,
  at: Date,
): Difference | undefined {
  const { ref, amount, currency, status, failureCode = null } = there
  const base = { of: 'payment' as const, ref, there: inWords(there) }
  if (!here) return { ...base, kind: 'missing_here', id: there.paymentId, here: null }
  const known = { ...base, id: here.id, here: inWords({ ...here, status: here.providerStatus ?? 'pending' }) }
  // A second payment at the provider for one of ours: a person must refund it.
  if (here.providerRef !== null && here.providerRef !== ref) return { ...known, kind: 'missing_here' }
  if (!sameMoney({ ...here, status }, there)) return { ...known, kind: 'other_amount' }
  const repair: Repair = {
    what: 'payment',
    paymentId: here.id,
    report: { ref, amount, currency, status, failureCode, at },
  }
  if (here.chargedAmount > 0) return status === 'succeeded' ? undefined : { ...known, kind: 'missing_there' }
  if (status === 'succeeded') return { ...known, kind: 'missing_here', repair }
  return (here.providerStatus ?? 'pending') === status ? undefined : { ...known, kind: 'other_status', repair }
}

/** Compares a refund at the provider with the ledger's, found by our id or the provider's. Undefined if they agree. */
export function compareRefund(payment: LedgerPayment | undefined, there: ProviderRefund): Difference | undefined {
  const here = payment?.entries.find(({ id, providerRef }) => id === there.refundId || providerRef === there.ref)
  const base = { of: 'refund' as const, ref: there.ref, there: inWords(there) }
  // A failed refund moved no money, so the ledger need not have it.
  if (!here && there.status === 'failed') return undefined
  if (!payment) return { ...base, kind: 'missing_here', id: there.refundId, here: null }
  // The ledger of a payment has one currency: a person must decide.
  if (there.currency !== payment.currency)
    return { ...base, kind: 'other_amount', id: here?.id ?? null, here: here ? inWords(here) : null }
  const repair: Repair = { what: 'refund', paymentId: payment.id, refund: there }
  if (!here) return { ...base, kind: 'missing_here', id: null, here: null, repair }
  const known = { ...base, id: here.id, here: inWords(here) }
  if (!sameMoney(here, there)) return { ...known, kind: 'other_amount' }
  if (here.status === there.status) return undefined
  return { ...known, kind: 'other_status', repair }
}

/** The payment is charged in the ledger but unknown to the provider. */
export const paymentMissingThere = (here: LedgerPayment): Difference => ({
  kind: 'missing_there',
  of: 'payment',
  id: here.id,
  ref: here.providerRef,
  here: inWords({ ...here, status: here.providerStatus ?? 'pending' }),
  there: null,
})

/** The refund is unknown to the provider; if it was never sent, sending it repairs the difference. */
export const refundMissingThere = (here: LedgerRefund): Difference => ({
  kind: 'missing_there',
  of: 'refund',
  id: here.id,
  ref: here.providerRef,
  here: inWords(here),
  there: null,
  ...(here.providerRef === null && { repair: { what: 'unsent_refund' as const, refundId: here.id } }),
})
