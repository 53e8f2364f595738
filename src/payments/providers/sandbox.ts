import type { Clock } from '../../actor'
import {
  type CreatePaymentRequest,
  type PaymentProvider,
  PROVIDER_DEADLINE_MS,
  type ProviderPayment,
} from '../../ledger/provider'
import { createSandboxAccount, type SandboxOutcome, sandboxError } from './sandbox-account'
import {
  createWebhookSender,
  type DeliverWebhook,
  readSandboxEvent,
  SANDBOX,
  type ScheduleDelivery,
  SIGNATURE_HEADER,
} from './sandbox-webhooks'
import { findSignatureFault, textOf } from './webhook-signature'

/**
 * Outcome of a sandbox payment, by `metadata.testToken` or else by the last two digits of its amount in minor units:
 *
 * | amount | token            | outcome, reported by webhook                  |
 * |--------|------------------|-----------------------------------------------|
 * | …02    | `tok_fail`       | `failed` with `card_declined`                 |
 * | …03    | `tok_action`     | `requires_action` until `pay()` is called     |
 * | …04    | `tok_processing` | `processing`, then `succeeded`                |
 * | others | `tok_succeed`    | `succeeded`                                   |
 */
export function outcomeOf({ amount, metadata }: Pick<CreatePaymentRequest, 'amount' | 'metadata'>): SandboxOutcome {
  return TOKENS[metadata?.testToken ?? ''] ?? AMOUNTS[amount % 100] ?? 'succeed'
}

const TOKENS: Record<string, SandboxOutcome> = {
  tok_succeed: 'succeed',
  tok_fail: 'fail',
  tok_action: 'require_action',
  tok_processing: 'process',
}
const AMOUNTS: Record<number, SandboxOutcome> = { 2: 'fail', 3: 'require_action', 4: 'process' }

/** `down`: no effect. The others have the effect but lose the answer: at once, or at the deadline when `slow`. */
export type SandboxFault = 'down' | 'answer_lost' | 'rubbish' | 'slow'

export type SandboxOptions = {
  clock: Clock
  /** The first one signs; signatures by any of them are accepted. */
  webhookSecrets: readonly [string, ...string[]]
  deliver: DeliverWebhook
  /** Delay from a payment to its outcome, and from an outcome to its webhook. */
  delayMs?: number
  /** False: every payment waits until `pay()` is called. */
  automatic?: boolean
  schedule?: ScheduleDelivery
  deadlineMs?: number
  pageSize?: number
}

export type Sandbox = PaymentProvider & {
  /** Does what the payer would do in a browser. False when the payment can no longer change. */
  pay(ref: string, outcome: SandboxOutcome): boolean
  /** Makes the next `calls` calls fail with this fault. */
  disturb(fault: SandboxFault, calls?: number): void
  /** Payments and refunds made, also those whose answer was lost. */
  count(): { payments: number; refunds: number }
  /** Cancels all scheduled outcomes and webhooks. */
  close(): void
}

/** A card provider in memory: the rules of a real one, without money. Refs keep its payments known after a restart. */
export function createSandbox({
  clock,
  webhookSecrets,
  deliver,
  delayMs = 1_000,
  automatic = true,
  schedule: scheduleOnce = scheduleByTimer,
  deadlineMs = PROVIDER_DEADLINE_MS,
  pageSize = 100,
}: SandboxOptions): Sandbox {
  const answers = new Map<string, { request: string; answer: unknown }>()
  const faults: SandboxFault[] = []
  const stops = new Set<() => void>()
  const schedule: ScheduleDelivery = (run, delay) => {
    const stop = scheduleOnce(() => {
      stops.delete(stop)
      return run()
    }, delay)
    stops.add(stop)
    return stop
  }
  const send = createWebhookSender({ secret: webhookSecrets[0], clock, schedule, delayMs, deliver })
  const account = createSandboxAccount(clock, send, recall)

  /** Sets a payment of an earlier process to the outcome that its amount decides; its `testToken` is lost. */
  function recall(payment: ProviderPayment) {
    if (!automatic) return
    const outcome = outcomeOf(payment)
    account.pay(payment.ref, outcome === 'process' ? 'succeed' : outcome)
  }

  /** Simulates a call over the network. */
  async function call<T>(effect: () => T): Promise<T> {
    const fault = faults.shift()
    if (fault === 'down') throw sandboxError('unavailable', 'is down')
    const answer = effect()
    if (fault === undefined) return answer
    if (fault === 'slow') await new Promise<void>((resolve) => schedule(resolve, deadlineMs))
    throw sandboxError('unavailable', fault === 'rubbish' ? 'sent an invalid answer' : 'did not answer')
  }

  /** Returns the first answer again for the same key and request. */
  function once<T>(key: string, request: object, run: () => T): T {
    const text = JSON.stringify(request)
    const known = answers.get(key)
    if (known && known.request !== text)
      throw sandboxError('rejected', 'the key was used for another request', 'idempotency_error')
    // Safe: the same request text comes from the same method, so the answer has its type.
    if (known) return known.answer as T
    const answer = run()
    answers.set(key, { request: text, answer })
    return answer
  }

  function createPayment(request: Omit<CreatePaymentRequest, 'idempotencyKey'>) {
    const payment = account.createPayment(request)
    const outcome = outcomeOf(request)
    if (automatic) schedule(() => account.pay(payment.ref, outcome), delayMs)
    if (automatic && outcome === 'process') schedule(() => account.pay(payment.ref, 'succeed'), delayMs * 2)
    return payment
  }

  return {
    name: SANDBOX,
    online: true,
    amountStep: () => 1,
    createPayment: ({ idempotencyKey, ...request }) =>
      call(() => once(idempotencyKey, request, () => createPayment(request))),
    getPayment: (ref) => call(() => account.getPayment(ref)),
    cancelPayment: (ref) => call(() => account.cancelPayment(ref)),
    refund: ({ idempotencyKey, ...request }) =>
      call(() => once(idempotencyKey, request, () => account.refund(request))),
    getRefund: (ref) => call(() => account.getRefund(ref)),
    listEntries: (range, cursor = '0') =>
      call(() => {
        const all = account.listEntries(range)
        const end = Number(cursor) + pageSize
        return { entries: all.slice(Number(cursor), end), nextCursor: end < all.length ? String(end) : null }
      }),
    async verifyWebhook(rawBody, headers, now) {
      const fault = await findSignatureFault(headers.get(SIGNATURE_HEADER), rawBody, webhookSecrets, now)
      if (fault) throw sandboxError('bad_signature', fault)
      return readSandboxEvent(textOf(rawBody))
    },
    pay: account.pay,
    disturb: (fault, calls = 1) => void faults.push(...Array<SandboxFault>(calls).fill(fault)),
    count: account.count,
    close: () => {
      for (const stop of stops) stop()
      stops.clear()
    },
  }
}

const scheduleByTimer: ScheduleDelivery = (run, delayMs) => {
  const timer = setTimeout(run, delayMs)
  return () => clearTimeout(timer)
}
