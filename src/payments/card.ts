import type { Actor } from '../actor'
import { markAudited } from '../database/audit-outbox'
import { inTransaction } from '../database/transaction'
import type { Context, Deps } from '../deps'
import { unavailable } from '../errors'
import { withinDeadline } from '../http/deadline'
import type { StoredAnswer } from '../http/idempotency/claim'
import { findStoredPayment, type StoredPayment } from '../ledger/payment-rows'
import {
  type PaymentProvider,
  ProviderError,
  type ProviderPayment,
  type ProviderPaymentDetails,
} from '../ledger/provider'
import type { Payment } from '../ledger/schemas'
import { systemContext } from '../system-context'
import type { PaymentRow } from './queries'
import { isDue, isOutage, postponeRelease } from './retries'
import { applyProviderStatus, lockPayment, updatePaymentStatus } from './settle'

type ActorContext = Context<Actor>

/** The payment's id is the idempotency key, so repeated calls make one payment at the provider. */
const requestOf = ({ id, appointmentId, amount, currency }: StoredPayment) => ({
  paymentId: id,
  amount,
  currency,
  idempotencyKey: id,
  metadata: { appointment_id: appointmentId },
})

/** Time of the report that the first call returns: every event of the payment is later. */
const BEFORE_ALL_EVENTS = new Date(0)

/**
 * Once the payment's row is committed: creates it at the provider, stores its ref and returns its client secret. Safe to
 * repeat. Throws `unavailable` when the provider does not answer, or refuses the payment, which then fails.
 */
export async function openCardPayment(ctx: ActorContext, paymentId: string): Promise<string | null> {
  const payment = await findStoredPayment(ctx.db, paymentId)
  const provider = payment && ctx.paymentProviders.named(payment.provider)
  if (!payment || !provider?.online) return null
  try {
    const { clientSecret } = payment.providerRef
      ? await provider.getPayment(payment.providerRef)
      : await createAtProvider(ctx, provider, payment)
    return clientSecret
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    if (error.kind === 'unavailable')
      throw markAudited(
        unavailable('The card provider does not answer. Send the request again with the same key.', error),
      )
    if (payment.providerRef) return null
    await markFailed(ctx, paymentId, error)
    throw markAudited(unavailable('The card provider refused this payment.', error))
  }
}

async function createAtProvider(
  ctx: ActorContext,
  provider: PaymentProvider,
  payment: StoredPayment,
): Promise<ProviderPaymentDetails> {
  const details = await provider.createPayment(requestOf(payment))
  await recordReport(ctx, payment.id, details, BEFORE_ALL_EVENTS)
  return details
}

/** Applies the provider's answer to a call, in a transaction of its own. */
async function recordReport(ctx: ActorContext, paymentId: string, payment: ProviderPayment, at: Date): Promise<void> {
  await inTransaction({ ...ctx, actor: 'system' as const }, async (ctx) => {
    const locked = await lockPayment(ctx, paymentId)
    if (locked) await applyProviderStatus(ctx, locked, { ...payment, at })
  })
}

async function markFailed(ctx: ActorContext, paymentId: string, { code, kind }: ProviderError): Promise<void> {
  ctx.log.error({ paymentId, code }, 'a card provider refused to create a payment')
  await inTransaction({ ...ctx, actor: 'system' as const }, async (ctx) => {
    const locked = await lockPayment(ctx, paymentId)
    if (!locked || locked.payment.providerRef !== null) return
    await updatePaymentStatus(ctx, locked, {
      providerStatus: 'failed',
      providerStatusAt: BEFORE_ALL_EVENTS,
      failureCode: code ?? kind,
    })
  })
}

/** Providers forget keys after 24 hours. A payer can never have paid a payment of that age without a ref. */
const KEY_LIFETIME_MS = 23 * 3_600_000

/**
 * Job: cancels a released payment at its provider. If it was paid meanwhile, applies that, and `receiveMoney` uses or
 * refunds the money. Throws when the provider does not answer; after any other failure the sweeper tries again after growing
 * pauses.
 */
export async function releaseAtProvider(deps: Deps, paymentId: string): Promise<void> {
  const ctx = systemContext(deps, 'payment-release')
  const payment = await findStoredPayment(ctx.db, paymentId)
  const over = payment?.chargedAmount !== 0 || payment.providerStatus === 'cancelled'
  if (!payment || payment.releaseRequestedAt === null || over || !isDue(payment.releaseRetryAt, ctx.now)) return
  try {
    await cancelAtProvider(ctx, payment)
  } catch (error) {
    if (isOutage(error)) throw error
    await postponeRelease(ctx, payment, error)
  }
}

async function cancelAtProvider(ctx: Context<'system'>, payment: StoredPayment): Promise<void> {
  const provider = ctx.paymentProviders.named(payment.provider)
  if (!provider) throw new Error('a payment cannot be released: its provider is not configured')
  if (!provider.online) return
  const { id: paymentId, amount, currency } = payment
  const cancelled = { amount, currency, status: 'cancelled', failureCode: null, paymentId } as const
  try {
    const ref = payment.providerRef ?? (await recoverRef(ctx, provider, payment))
    if (ref === undefined) return await markCancelled(ctx, paymentId)
    const status = await provider.cancelPayment(ref, `${paymentId}-cancel`)
    if (status === 'succeeded') await recordReport(ctx, paymentId, await provider.getPayment(ref), ctx.now)
    else await recordReport(ctx, paymentId, { ...cancelled, ref, status }, ctx.now)
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind === 'unavailable') throw error
    // The provider does not know the payment, so nobody can pay it.
    await markCancelled(ctx, paymentId)
  }
}

/** The answer to the first call was lost: repeating the call returns the ref. */
async function recoverRef(
  ctx: ActorContext,
  provider: PaymentProvider,
  payment: StoredPayment,
): Promise<string | undefined> {
  if (ctx.now.getTime() - payment.createdAt.getTime() > KEY_LIFETIME_MS) return undefined
  return (await createAtProvider(ctx, provider, payment)).ref
}

async function markCancelled(ctx: ActorContext, paymentId: string): Promise<void> {
  await inTransaction({ ...ctx, actor: 'system' as const }, async (ctx) => {
    const locked = await lockPayment(ctx, paymentId)
    if (!locked || locked.payment.chargedAmount > 0) return
    await updatePaymentStatus(ctx, locked, { providerStatus: 'cancelled', providerStatusAt: ctx.now })
  })
}

/** Short, because a read can do without the secret. */
const SECRET_DEADLINE_MS = 2_500

/** Adds the secret, which is never stored, to the committed answer of `createPayment`. Throws as `openCardPayment` does. */
export async function withClientSecret(ctx: Context, stored: StoredAnswer): Promise<StoredAnswer> {
  // Safe: `createPayment` stored this body, made by `presentPayment`.
  const payment = JSON.parse(stored.body) as Payment
  if (payment.method !== 'card') return stored
  const clientSecret = await openCardPayment(ctx, payment.id)
  return clientSecret ? { ...stored, body: JSON.stringify({ ...payment, clientSecret }) } : stored
}

/** For patients and admins while the payment is open; undefined also when the provider is slow or down. */
export async function findClientSecret(ctx: Context, payment: PaymentRow): Promise<string | undefined> {
  const isOpen =
    ['pending', 'requires_action', 'failed'].includes(payment.status) && payment.releaseRequestedAt === null
  if (ctx.actor.role === 'doctor' || payment.method !== 'card' || !isOpen) return undefined
  const secret = withinDeadline(SECRET_DEADLINE_MS, () => openCardPayment(ctx, payment.id))
  return (await secret.catch(() => null)) ?? undefined
}
