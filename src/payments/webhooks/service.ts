import { z } from 'zod'
import type { Caller } from '../../actor'
import { asUnavailable } from '../../database/constraints'
import { newId } from '../../database/ids'
import { inTransaction } from '../../database/transaction'
import type { Context, Deps } from '../../deps'
import { AppError, notFound } from '../../errors'
import { enqueue } from '../../jobs/queue'
import type { ActorTransaction } from '../../ledger/entries'
import { NEEDED_EVENT, ProviderError, type ProviderEvent } from '../../ledger/provider'
import { systemContext } from '../../system-context'
import { findPaymentIdByRef } from '../queries'
import { applyProviderRefund } from '../refunds/service'
import { applyProviderStatus, lockPayment } from '../settle'
import type { PaymentEventsTable } from '../tables'
import { findUnprocessedEvent, insertPaymentEvent, markEventProcessed } from './queries'
import { postponeEvent } from './retries'
import { isStorable, type ReceivedEvent, unreadableEvent } from './unreadable'

/** Throws not_found for an unknown provider, and invalid_signature. A signed body that cannot be read is an event too. */
export async function verifyWebhook(
  { paymentProviders, now }: Pick<Context<Caller | null>, 'paymentProviders' | 'now'>,
  name: string,
  { bytes, headers }: { bytes: Uint8Array<ArrayBuffer>; headers: Headers },
): Promise<ReceivedEvent> {
  const provider = paymentProviders.named(name)
  if (!provider?.online) throw notFound('payment provider')
  try {
    const event = await provider.verifyWebhook(bytes, headers, now)
    if (isStorable(event)) return { ...event, provider: name }
    return unreadableEvent(name, bytes, now, event.type !== 'unknown')
  } catch (error) {
    if (!(error instanceof ProviderError)) throw error
    if (error.kind === 'bad_signature')
      throw new AppError('invalid_signature', `The webhook cannot be accepted: ${error.detail}.`)
    return unreadableEvent(name, bytes, now, error.code === NEEDED_EVENT)
  }
}

/** Stores an event once, however often it is sent, and enqueues a job that processes it. */
export async function storePaymentEvent(
  ctx: Pick<ActorTransaction, 'db' | 'jobs' | 'now' | 'log'>,
  event: ReceivedEvent,
): Promise<void> {
  const id = newId()
  const { provider, name, type, occurredAt } = event
  const stored = await insertPaymentEvent(ctx.db, {
    id,
    provider,
    eventId: event.id,
    name,
    type,
    occurredAt,
    receivedAt: ctx.now,
    ...contentOf(event),
    ...event.unread,
    ...(type === 'unknown' && { outcome: 'ignored' as const, processedAt: ctx.now }),
  })
  if (stored && event.unread?.needsAttention)
    ctx.log.error({ eventId: id, provider }, 'a payment event cannot be read: a person must look at it')
  if (stored && type !== 'unknown') await enqueue(ctx, 'payments.event', { eventId: id })
}

function contentOf(event: ProviderEvent): Pick<PaymentEventsTable, 'paymentRef' | 'snapshot'> {
  if (event.type === 'payment') return { paymentRef: event.payment.ref, snapshot: event.payment }
  if (event.type === 'refund') return { paymentRef: event.refund.paymentRef, snapshot: event.refund }
  return { paymentRef: null, snapshot: null }
}

/** For the sandbox, which runs in this process: its webhooks are verified and stored like any others. */
export async function receiveWebhook(deps: Deps, provider: string, text: string, headers: Headers): Promise<void> {
  const ctx = systemContext(deps, 'payment-webhook')
  const event = await verifyWebhook(ctx, provider, { bytes: new TextEncoder().encode(text), headers })
  await inTransaction(ctx, (ctx) => storePaymentEvent(ctx, event))
}

/** Snapshots as `contentOf` stores them. */
const PaymentSnapshot = z.object({
  ref: z.string(),
  paymentId: z.string().nullable(),
  amount: z.number(),
  currency: z.string(),
  status: z.enum(['pending', 'requires_action', 'processing', 'succeeded', 'failed', 'cancelled']),
  failureCode: z.string().nullable(),
})
const RefundSnapshot = z.object({
  ref: z.string(),
  paymentRef: z.string(),
  refundId: z.string().nullable(),
  amount: z.number(),
  currency: z.string(),
  status: z.enum(['pending', 'succeeded', 'failed']),
})

type StoredEvent = NonNullable<Awaited<ReturnType<typeof findUnprocessedEvent>>>

/**
 * Job: applies an event. The result does not depend on repeats or on the order of events. After a failure that is not the
 * database's, the sweeper tries again after growing pauses, and in the end leaves the event to a person.
 */
export async function processPaymentEvent(deps: Deps, eventId: string): Promise<void> {
  const ctx = systemContext(deps, 'payment-event')
  const event = await findUnprocessedEvent(ctx.db, eventId)
  if (!event || (event.retryAt && event.retryAt > ctx.now)) return
  try {
    await inTransaction(ctx, async (ctx) => {
      const apply = event.type === 'payment' ? applyPaymentEvent : applyRefundEvent
      await markEventProcessed(ctx.db, eventId, await apply(ctx, event), ctx.now)
    })
  } catch (error) {
    if (asUnavailable(error)) throw error
    await postponeEvent(ctx, event, error)
  }
}

const Uuid = z.uuid()

async function applyPaymentEvent(
  ctx: ActorTransaction,
  { provider, snapshot, occurredAt }: StoredEvent,
): Promise<'applied' | 'ignored'> {
  const payment = PaymentSnapshot.parse(snapshot)
  const paymentId = Uuid.safeParse(payment.paymentId).data
  const locked = paymentId && (await lockPayment(ctx, paymentId))
  if (!locked || locked.payment.provider !== provider) return 'ignored'
  const { providerRef } = locked.payment
  if (providerRef !== null && providerRef !== payment.ref) return 'ignored'
  return (await applyProviderStatus(ctx, locked, { ...payment, at: occurredAt })) ? 'applied' : 'ignored'
}

async function applyRefundEvent(
  ctx: ActorTransaction,
  { provider, snapshot, occurredAt }: StoredEvent,
): Promise<'applied' | 'ignored' | 'unmatched'> {
  const refund = RefundSnapshot.parse(snapshot)
  const paymentId = await findPaymentIdByRef(ctx.db, provider, refund.paymentRef)
  if (!paymentId) return 'unmatched'
  return (await applyProviderRefund(ctx, paymentId, refund, occurredAt)) ? 'applied' : 'ignored'
}
