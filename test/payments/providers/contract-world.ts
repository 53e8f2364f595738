import type {
  CreatePaymentRequest,
  PaymentProvider,
  ProviderPaymentDetails,
  RefundRequest,
} from '../../../src/ledger/provider'

/** What can go wrong on the way. `lost_request` leaves no effect; each of the others may. */
export type ContractFault = 'lost_request' | 'lost_answer' | 'rubbish' | 'error' | 'slow'

export type Delivery = { rawBody: string; headers: Headers }

/** A provider and the world behind it, made anew for each file of tests. */
export type ProviderWorld = {
  provider: PaymentProvider
  /** What the provider's clock says, in whole seconds. */
  now: Date
  /** What the provider under test was given as its deadline; a few hundred milliseconds keep the tests quick. */
  deadlineMs: number
  /** Two secrets the provider under test believes. */
  secrets: [first: string, second: string]
  /** What the payer does with the payment. */
  pay(ref: string, outcome: 'succeed' | 'fail' | 'require_action'): unknown
  /** The next request meets the fault; with `write`, the next that changes something. */
  disturb(fault: ContractFault, only?: 'write'): void
  /** How many payments and refunds exist at the provider, whoever got to know of them. */
  count(): { payments: number; refunds: number }
  /** The webhooks sent since the last call, signed with the first secret. */
  takeWebhooks(): Promise<Delivery[]>
  /** Headers of a webhook as the provider would sign it. */
  sign(rawBody: string, secret: string, at: Date): Promise<Headers>
  /** The body of an event that has nothing to do with payments. */
  otherEvent(): string
  close(): unknown
}

/** What every part of the contract works with; usable once its tests run. */
export type Contract = {
  readonly world: ProviderWorld
  readonly provider: PaymentProvider
  /** A new payment of 95 USD unless said otherwise. */
  create(changes?: Partial<CreatePaymentRequest>): Promise<ProviderPaymentDetails>
  createPaid(changes?: Partial<CreatePaymentRequest>): Promise<ProviderPaymentDetails>
  refundOf(ref: string, amount: number): RefundRequest
  statusOf(ref: string): Promise<ProviderPaymentDetails['status']>
  /** So many seconds after the world's now. */
  at(seconds: number): Date
}

export function createContract(getWorld: () => ProviderWorld): Contract {
  const t: Contract = {
    get world() {
      return getWorld()
    },
    get provider() {
      return getWorld().provider
    },
    create: (changes) => t.provider.createPayment({ ...newRequest(), ...changes }),
    async createPaid(changes) {
      const payment = await t.create(changes)
      await t.world.pay(payment.ref, 'succeed')
      return payment
    },
    refundOf(ref, amount) {
      const refundId = newId()
      return { ref, refundId, amount, currency: 'USD', idempotencyKey: `refund-${refundId}`, reason: 'other' }
    },
    statusOf: async (ref) => (await t.provider.getPayment(ref)).status,
    at: (seconds) => new Date(t.world.now.getTime() + seconds * 1000),
  }
  return t
}

export const newId = () => crypto.randomUUID()

export function newRequest(): CreatePaymentRequest {
  const paymentId = newId()
  return {
    paymentId,
    amount: 9500,
    currency: 'USD',
    idempotencyKey: `payment-${paymentId}`,
    metadata: { appointment_id: newId() },
  }
}
