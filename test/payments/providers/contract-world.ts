import type {
  CreatePaymentRequest,
  PaymentProvider,
  ProviderPaymentDetails,
  RefundRequest,
} from '../../../src/ledger/provider'

/** Network faults. `lost_request` has no effect at the provider; each of the others may have. */
export type ContractFault = 'lost_request' | 'lost_answer' | 'rubbish' | 'error' | 'slow'

export type Delivery = { rawBody: string; headers: Headers }

/** A provider under test and the service behind it, created for each test file. */
export type ProviderWorld = {
  provider: PaymentProvider
  /** The time of the provider's clock, in whole seconds. */
  now: Date
  /** The two webhook secrets that the provider under test accepts. */
  secrets: [first: string, second: string]
  /** Acts as the payer. */
  pay(ref: string, outcome: 'succeed' | 'fail' | 'require_action'): unknown
  /** The next request meets the fault; with `write`, the next request that changes something. */
  disturb(fault: ContractFault, only?: 'write'): void
  /** The number of payments and refunds at the provider, whether or not their answers arrived. */
  count(): { payments: number; refunds: number }
  /** The webhooks sent since the last call, signed with the first secret. */
  takeWebhooks(): Promise<Delivery[]>
  /** Headers of a webhook as the provider would sign it. */
  sign(rawBody: string, secret: string, at: Date): Promise<Headers>
  /** The body of an event that has nothing to do with payments. */
  otherEvent(): string
  close(): unknown
}

/** Shared by all parts of the contract; usable only while its tests run. */
export type Contract = {
  readonly world: ProviderWorld
  readonly provider: PaymentProvider
  /** A new payment, of 95 USD by default. */
  create(changes?: Partial<CreatePaymentRequest>): Promise<ProviderPaymentDetails>
  createPaid(changes?: Partial<CreatePaymentRequest>): Promise<ProviderPaymentDetails>
  refundOf(ref: string, amount: number): RefundRequest
  statusOf(ref: string): Promise<ProviderPaymentDetails['status']>
  /** `seconds` after the provider's time. */
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
