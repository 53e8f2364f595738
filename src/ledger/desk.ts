import { type PaymentProvider, ProviderError } from './provider'

/** Name of the provider for cash and insurance. */
export const DESK = 'desk'

/**
 * Cash and insurance, handled by the clinic's staff. Stores nothing: a payment is pending until staff mark it as paid,
 * and a refund succeeds at once.
 */
export function createDesk(): PaymentProvider {
  const refuse = (detail: string) => Promise.reject(new ProviderError('rejected', DESK, detail))
  return {
    name: DESK,
    online: false,
    amountStep: () => 1,
    createPayment: async ({ paymentId, amount, currency }) => ({
      ref: `desk_${paymentId}`,
      paymentId,
      status: 'pending',
      amount,
      currency,
      refunded: 0,
      clientSecret: null,
      failureCode: null,
    }),
    getPayment: () => refuse('the desk keeps no records of payments besides the ledger'),
    cancelPayment: async () => 'cancelled',
    refund: async ({ ref, refundId, amount, currency }) => ({
      ref: `desk_${refundId}`,
      paymentRef: ref,
      refundId,
      amount,
      currency,
      status: 'succeeded',
    }),
    getRefund: () => refuse('the desk keeps no records of refunds besides the ledger'),
    listEntries: async () => ({ entries: [], nextCursor: null }),
    verifyWebhook: () => Promise.reject(new ProviderError('bad_signature', DESK, 'the desk sends no webhooks')),
  }
}
