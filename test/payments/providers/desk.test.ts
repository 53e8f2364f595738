import { describe, expect, test } from 'bun:test'
import { createDesk } from '../../../src/ledger/desk'
import { fails } from './fails'

describe('desk provider', () => {
  const desk = createDesk()
  const request = { paymentId: 'p1', amount: 12_345, currency: 'KWD', idempotencyKey: 'k1' }

  test('a desk payment is pending, and the same request returns the same payment', async () => {
    const payment = await desk.createPayment(request)
    expect(payment).toMatchObject({ paymentId: 'p1', status: 'pending', amount: 12_345, currency: 'KWD', refunded: 0 })
    expect(payment.clientSecret).toBeNull()
    expect(await desk.createPayment(request)).toEqual(payment)
  })

  test('cancellations and refunds at the desk succeed at once', async () => {
    const { ref } = await desk.createPayment(request)
    expect(await desk.cancelPayment(ref, 'k2')).toBe('cancelled')
    const refund = { ref, refundId: 'r1', amount: 1, currency: 'KWD', idempotencyKey: 'k3', reason: 'other' } as const
    const made = await desk.refund(refund)
    expect(made).toMatchObject({ paymentRef: ref, refundId: 'r1', amount: 1, currency: 'KWD', status: 'succeeded' })
    expect(await desk.refund(refund)).toEqual(made)
  })

  test('the desk provider has no records, no entries and no webhooks', async () => {
    await fails('rejected', desk.getPayment('desk_p1'))
    await fails('rejected', desk.getRefund('desk_r1'))
    const range = { from: new Date(0), until: new Date(1e13) }
    expect(await desk.listEntries(range)).toEqual({ entries: [], nextCursor: null })
    await fails('bad_signature', desk.verifyWebhook('{}', new Headers(), new Date(0)))
  })
})
