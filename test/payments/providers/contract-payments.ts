import { describe, expect, test } from 'bun:test'
import { type Contract, newId, newRequest } from './contract-world'
import { fails } from './fails'

/** Payments and their cancellation. */
export function describePayments(t: Contract): void {
  describe('payments', () => {
    test('a new payment waits for its payer', async () => {
      const request = newRequest()
      const payment = await t.provider.createPayment(request)
      expect(payment).toEqual({
        ref: expect.stringMatching(/^.{4,255}$/),
        paymentId: request.paymentId,
        status: 'pending',
        amount: 9500,
        currency: 'USD',
        refunded: 0,
        clientSecret: expect.stringMatching(/^.{8,}$/),
        failureCode: null,
      })
      expect(await t.provider.getPayment(payment.ref)).toEqual(payment)
    })

    test.each([
      ['succeed', 'succeeded'],
      ['fail', 'failed'],
      ['require_action', 'requires_action'],
    ] as const)('a payment with the payer outcome %s has the status %s', async (outcome, status) => {
      const { ref } = await t.create()
      await t.world.pay(ref, outcome)
      const payment = await t.provider.getPayment(ref)
      expect(payment.status).toBe(status)
      expect(typeof payment.failureCode).toBe(outcome === 'fail' ? 'string' : 'object')
    })

    test('a payer whose card failed may pay with another card', async () => {
      const { ref } = await t.create()
      await t.world.pay(ref, 'fail')
      await t.world.pay(ref, 'succeed')
      expect(await t.provider.getPayment(ref)).toMatchObject({ status: 'succeeded', failureCode: null })
    })

    test('the same idempotency key twice makes one payment', async () => {
      const before = t.world.count().payments
      const request = newRequest()
      const first = await t.provider.createPayment(request)
      expect(await t.provider.createPayment(request)).toEqual(first)
      expect(t.world.count().payments).toBe(before + 1)
    })

    test('the same idempotency key many times at once makes one payment', async () => {
      const before = t.world.count().payments
      const request = newRequest()
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => t.provider.createPayment(request)))
      const { ref } = await t.provider.createPayment(request)
      for (const made of tries) {
        if (made.status === 'fulfilled') expect(made.value.ref).toBe(ref)
        else expect(made.reason).toMatchObject({ name: 'ProviderError', kind: 'unavailable' })
      }
      expect(t.world.count().payments).toBe(before + 1)
    })

    test('an idempotency key that was used for another amount is refused', async () => {
      const before = t.world.count().payments
      const request = newRequest()
      await t.provider.createPayment(request)
      await fails('rejected', t.provider.createPayment({ ...request, amount: 1 + request.amount }))
      expect(t.world.count().payments).toBe(before + 1)
    })

    test.each([
      ['JPY', 1200],
      ['KWD', 12_340],
      ['USD', 100],
    ])('payments and refunds in %s keep their amounts', async (currency, amount) => {
      const { ref } = await t.createPaid({ amount, currency })
      expect(await t.provider.getPayment(ref)).toMatchObject({ amount, currency })
      const half = { ...t.refundOf(ref, amount / 2), currency }
      expect(await t.provider.refund(half)).toMatchObject({ amount: amount / 2, currency })
      expect(await t.provider.getPayment(ref)).toMatchObject({ refunded: amount / 2 })
    })

    test.each([0, -1, 1.5, Number.NaN, 2 ** 53])('a payment amount of %p is refused', async (amount) => {
      await fails('rejected', t.create({ amount }))
    })

    test('an amount that is no multiple of the currency step is refused', async () => {
      const before = t.world.count().payments
      const step = t.provider.amountStep('KWD')
      expect(await t.create({ amount: 7 * step, currency: 'KWD' })).toMatchObject({ amount: 7 * step })
      if (step > 1) await fails('rejected', t.create({ amount: 7 * step + 1, currency: 'KWD' }))
      expect(t.world.count().payments).toBe(before + 1)
    })

    test('calls for an unknown payment or refund are rejected', async () => {
      await fails('rejected', t.provider.getPayment('none_1'))
      await fails('rejected', t.provider.cancelPayment('none_1', newId()))
      await fails('rejected', t.provider.refund(t.refundOf('none_1', 100)))
      await fails('rejected', t.provider.getRefund('none_1'))
    })
  })

  describe('cancellation', () => {
    test.each([undefined, 'fail', 'require_action'] as const)('a cancellation after %p is final', async (outcome) => {
      const { ref } = await t.create()
      if (outcome) await t.world.pay(ref, outcome)
      expect(await t.provider.cancelPayment(ref, newId())).toBe('cancelled')
      await Promise.try(() => t.world.pay(ref, 'succeed')).catch(() => undefined)
      expect(await t.statusOf(ref)).toBe('cancelled')
    })

    test('cancelling a payment again, with the same or another idempotency key, returns the same status', async () => {
      const { ref } = await t.create()
      const key = newId()
      expect(await t.provider.cancelPayment(ref, key)).toBe('cancelled')
      expect(await t.provider.cancelPayment(ref, key)).toBe('cancelled')
      expect(await t.provider.cancelPayment(ref, newId())).toBe('cancelled')
    })

    test('cancelling a succeeded payment returns succeeded', async () => {
      const { ref } = await t.createPaid()
      const key = newId()
      expect(await t.provider.cancelPayment(ref, key)).toBe('succeeded')
      expect(await t.provider.cancelPayment(ref, key)).toBe('succeeded')
      expect(await t.statusOf(ref)).toBe('succeeded')
    })
  })
}
