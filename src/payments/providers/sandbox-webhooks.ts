import { z } from 'zod'
import type { Clock } from '../../actor'
import { ProviderError, type ProviderEvent, type ProviderPayment, type ProviderRefund } from '../../ledger/provider'
import { signWebhook } from './webhook-signature'

export const SANDBOX = 'sandbox'
export const SIGNATURE_HEADER = 'sandbox-signature'

export type WebhookDelivery = { rawBody: string; headers: Record<string, string> }
/** Delivers a webhook. Throws when the receiver did not accept it, and is then called again later. */
export type DeliverWebhook = (delivery: WebhookDelivery) => Promise<void>
/** Runs `run` after the delay; the returned function cancels it. */
export type ScheduleDelivery = (run: () => unknown, delayMs: number) => () => void

export type SandboxEvent = { id: string; name: string; payment?: ProviderPayment; refund?: ProviderRefund }

const money = { amount: z.int().min(0), currency: z.string().length(3) }
const Payment = z.object({
  ref: z.string(),
  paymentId: z.string().nullable(),
  ...money,
  status: z.enum(['pending', 'requires_action', 'processing', 'succeeded', 'failed', 'cancelled']),
  failureCode: z.string().nullable(),
})
const Refund = z.object({
  ref: z.string(),
  paymentRef: z.string(),
  refundId: z.string().nullable(),
  ...money,
  status: z.enum(['pending', 'succeeded', 'failed']),
})
const Event = z.object({
  id: z.string().max(255),
  name: z.string().max(255),
  occurredAt: z.iso.datetime().transform((text) => new Date(text)),
  payment: Payment.optional(),
  refund: Refund.optional(),
})

/** Attempts to deliver one webhook; each wait is three times the one before. */
const ATTEMPTS = 5

export type WebhookSenderOptions = {
  secret: string
  clock: Clock
  schedule: ScheduleDelivery
  delayMs: number
  deliver: DeliverWebhook
}

/** Sends events `delayMs` after they happened, signed anew at each attempt, as Stripe does. */
export function createWebhookSender({ secret, clock, schedule, delayMs, deliver }: WebhookSenderOptions) {
  async function attempt(rawBody: string, count: number) {
    const signature = await signWebhook(secret, rawBody, clock())
    const headers = { 'content-type': 'application/json', [SIGNATURE_HEADER]: signature }
    try {
      await deliver({ rawBody, headers })
    } catch {
      if (count < ATTEMPTS) schedule(() => attempt(rawBody, count + 1), delayMs * 3 ** count)
    }
  }
  return (event: SandboxEvent) => {
    const rawBody = JSON.stringify({ ...event, occurredAt: clock() })
    schedule(() => attempt(rawBody, 1), delayMs)
  }
}

/** Delivers by POST to a URL; throws unless the receiver answers 2xx within 5 s. */
export const postWebhooksTo =
  (url: string): DeliverWebhook =>
  async ({ rawBody, headers }) => {
    const response = await fetch(url, { method: 'POST', headers, body: rawBody, signal: AbortSignal.timeout(5_000) })
    await response.body?.cancel()
    if (!response.ok) throw new Error(`the receiver answered ${response.status}`)
  }

/** Reads the signed body of a webhook. Throws `rejected` when it is no event of the sandbox. */
export function readSandboxEvent(rawBody: string): ProviderEvent {
  const parsed = Event.safeParse(parseJson(rawBody))
  if (!parsed.success) throw new ProviderError('rejected', SANDBOX, 'the body is no event of the sandbox')
  const { payment, refund, ...base } = parsed.data
  if (payment) return { ...base, type: 'payment', payment }
  return refund ? { ...base, type: 'refund', refund } : { ...base, type: 'unknown' }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
