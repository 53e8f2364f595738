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
import { findSignatureFault } from './webhook-signature'

/**
 * `metadata.testToken` decides what becomes of a payment; without one, the last two digits of its amount in minor units:
 *
 * | amount | token            | outcome, told by webhook                      |
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

/** `down`: no effect. The others have the effect and lose the answer: at once, or by the deadline when `slow`. */
export type SandboxFault = 'down' | 'answer_lost' | 'rubbish' | 'slow'

export type SandboxOptions = {
  clock: Clock
  /** The first signs; all are believed. */
  webhookSecrets: readonly [string, ...string[]]
  deliver: DeliverWebhook
  /** From a payment to its outcome, and from what happened to its webhook. */
  delayMs?: number
  /** False: payments wait until `pay()` is called, whatever their amount. */
  automatic?: boolean
  schedule?: ScheduleDelivery
  deadlineMs?: number
  pageSize?: number
}

export type Sandbox = PaymentProvider & {
  /** What the payer would do in a browser. False when the payment can no longer change. */
  pay(ref: string, outcome: SandboxOutcome): boolean
  /** The next `calls` calls meet the fault. */
  disturb(fault: SandboxFault, calls?: number): void
  /** How much there is, whoever got to know of it. */
  count(): { payments: number; refunds: number }
  /** Stops what was scheduled. */
  close(): void
}

/** A card provider that lives in memory: the same rules as a real one and no money. What it made it knows again after a restart. */
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

  /** A payment of an earlier process: what its amount says has happened by now. A `testToken` is forgotten. */
  function recall(payment: ProviderPayment) {
    if (!automatic) return
    const outcome = outcomeOf(payment)
    account.pay(payment.ref, outcome === 'process' ? 'succeed' : outcome)
  }

  /** One call over the network that is not there. */
  async function call<T>(effect: () => T): Promise<T> {
    const fault = faults.shift()
    if (fault === 'down') throw sandboxError('unavailable', 'is down')
    const answer = effect()
    if (fault === undefined) return answer
    if (fault === 'slow') await new Promise<void>((resolve) => schedule(resolve, deadlineMs))
    throw sandboxError('unavailable', fault === 'rubbish' ? 'answered rubbish' : 'did not answer')
  }

  /** The first answer again for the same key and request. */
  function once<T>(key: string, request: object, run: () => T): T {
    const text = JSON.stringify(request)
    const known = answers.get(key)
    if (known && known.request !== text)
      throw sandboxError('rejected', 'the key was used for another request', 'idempotency_error')
    // The same request can only have come by the same method, whose answer this is.
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
      return readSandboxEvent(rawBody)
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
