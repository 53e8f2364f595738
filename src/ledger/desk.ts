import { type PaymentProvider, ProviderError } from './provider'

/** Whose payments are settled by the clinic's own staff. */
export const DESK = 'desk'

/**
 * Cash and insurance, settled by the clinic's own staff. Keeps nothing: a payment is pending until the API marks it
 * paid, and money given back over the counter has been given back at once.
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
    getPayment: () => refuse('the desk keeps no records: the payment as stored is all there is'),
    cancelPayment: async () => 'cancelled',
    refund: async ({ ref, refundId, amount, currency }) => ({
      ref: `desk_${refundId}`,
      paymentRef: ref,
      refundId,
      amount,
      currency,
      status: 'succeeded',
    }),
    getRefund: () => refuse('the desk keeps no records: the refund as stored is all there is'),
    listEntries: async () => ({ entries: [], nextCursor: null }),
    verifyWebhook: () => Promise.reject(new ProviderError('bad_signature', DESK, 'the desk sends no webhooks')),
  }
}
