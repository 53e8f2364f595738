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
import { applyProviderStatus, lockPayment, updatePaymentStatus } from './settle'

type AnyContext = Context<Actor>

/** Made at the provider once, whoever asks and however often: the stored payment's own id is the key. */
const requestOf = ({ id, appointmentId, amount, currency }: StoredPayment) => ({
  paymentId: id,
  amount,
  currency,
  idempotencyKey: id,
  metadata: { appointment_id: appointmentId },
})

/** An answer to the first call tells how the payment began, so that whatever an event says is later. */
const BEGINNING = new Date(0)

/**
 * The second and third step of a card payment, whose first, its row, is committed: make it at the provider and keep its
 * ref. Doing it again gives the same. Throws `unavailable` when the provider does not answer, or would not have it: the
 * payment has failed then.
 */
export async function openCardPayment(ctx: AnyContext, paymentId: string): Promise<string | null> {
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
    await failOpening(ctx, paymentId, error)
    throw markAudited(unavailable('The card provider does not take this payment.', error))
  }
}

async function createAtProvider(
  ctx: AnyContext,
  provider: PaymentProvider,
  payment: StoredPayment,
): Promise<ProviderPaymentDetails> {
  const details = await provider.createPayment(requestOf(payment))
  await see(ctx, payment.id, details, BEGINNING)
  return details
}

/** In a transaction of its own: what a call to the provider has told us. */
async function see(ctx: AnyContext, paymentId: string, seen: ProviderPayment, at: Date): Promise<void> {
  await inTransaction({ ...ctx, actor: 'system' as const }, async (ctx) => {
    const locked = await lockPayment(ctx, paymentId)
    if (locked) await applyProviderStatus(ctx, locked, { ...seen, at })
  })
}

async function failOpening(ctx: AnyContext, paymentId: string, { code, kind }: ProviderError): Promise<void> {
  ctx.log.error({ paymentId, code }, 'a card payment could not be made at its provider')
  await inTransaction({ ...ctx, actor: 'system' as const }, async (ctx) => {
    const locked = await lockPayment(ctx, paymentId)
    if (!locked || locked.payment.providerRef !== null) return
    await updatePaymentStatus(ctx, locked, {
      providerStatus: 'failed',
      providerStatusAt: BEGINNING,
      failureCode: code ?? kind,
    })
  })
}

/** A provider forgets keys after 24 hours; a payment that old without a ref was never in a payer's hands. */
const KEY_LIFETIME_MS = 23 * 3_600_000

/**
 * Job: the provider must not take the money of a payment that was given up. When it is too late for that, what it says is
 * taken over, and the money goes where `receiveMoney` sends it. Throws while the provider does not answer.
 */
export async function releaseAtProvider(deps: Deps, paymentId: string): Promise<void> {
  const ctx = systemContext(deps, 'payment-release')
  const payment = await findStoredPayment(ctx.db, paymentId)
  const provider = payment && ctx.paymentProviders.named(payment.provider)
  const over = payment?.chargedAmount !== 0 || payment.providerStatus === 'cancelled'
  if (!payment || !provider?.online || payment.releaseRequestedAt === null || over) return
  const { amount, currency } = payment
  const cancelled = { amount, currency, status: 'cancelled', failureCode: null, paymentId } as const
  try {
    const ref = payment.providerRef ?? (await refOfForgotten(ctx, provider, payment))
    if (ref === undefined) return await markOver(ctx, paymentId)
    const status = await provider.cancelPayment(ref, `${paymentId}-cancel`)
    if (status === 'succeeded') await see(ctx, paymentId, await provider.getPayment(ref), ctx.now)
    else await see(ctx, paymentId, { ...cancelled, ref, status }, ctx.now)
  } catch (error) {
    if (!(error instanceof ProviderError) || error.kind === 'unavailable') throw error
    // It knows of no such payment, so that none can succeed.
    await markOver(ctx, paymentId)
  }
}

/** The first call's answer was lost: the same call again gives its ref. */
async function refOfForgotten(
  ctx: AnyContext,
  provider: PaymentProvider,
  payment: StoredPayment,
): Promise<string | undefined> {
  if (ctx.now.getTime() - payment.createdAt.getTime() > KEY_LIFETIME_MS) return undefined
  return (await createAtProvider(ctx, provider, payment)).ref
}

async function markOver(ctx: AnyContext, paymentId: string): Promise<void> {
  await inTransaction({ ...ctx, actor: 'system' as const }, async (ctx) => {
    const locked = await lockPayment(ctx, paymentId)
    if (!locked || locked.payment.chargedAmount > 0) return
    await updatePaymentStatus(ctx, locked, { providerStatus: 'cancelled', providerStatusAt: ctx.now })
  })
}

/** Of a read, which must not wait long for what it can do without. */
const SECRET_DEADLINE_MS = 2_500

/** A committed answer to `createPayment`, with the secret that is never stored. Throws as `openCardPayment` does. */
export async function withClientSecret(ctx: Context, stored: StoredAnswer): Promise<StoredAnswer> {
  const payment = JSON.parse(stored.body) as Payment
  if (payment.method !== 'card') return stored
  const clientSecret = await openCardPayment(ctx, payment.id)
  return clientSecret ? { ...stored, body: JSON.stringify({ ...payment, clientSecret }) } : stored
}

/** For whoever may pay, while they still can; undefined also when the provider does not say it soon. */
export async function findClientSecret(ctx: Context, payment: PaymentRow): Promise<string | undefined> {
  const open = ['pending', 'requires_action', 'failed'].includes(payment.status) && payment.releaseRequestedAt === null
  if (ctx.actor.role === 'doctor' || payment.method !== 'card' || !open) return undefined
  const secret = withinDeadline(SECRET_DEADLINE_MS, () => openCardPayment(ctx, payment.id))
  return (await secret.catch(() => null)) ?? undefined
}
