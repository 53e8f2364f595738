import { describe, expect, test } from 'bun:test'
import { type Contract, newId } from './contract-world'
import { fails } from './fails'

/** Refunds, and the entries that reconciliation reads. */
export function describeRefunds(t: Contract): void {
  describe('refunds', () => {
    test('a payment can be refunded in parts, and never beyond its amount', async () => {
      const { ref } = await t.createPaid()
      const request = t.refundOf(ref, 4500)
      const part = await t.provider.refund(request)
      expect(part).toEqual({
        ref: expect.any(String),
        paymentRef: ref,
        refundId: request.refundId,
        amount: 4500,
        currency: 'USD',
        status: expect.stringMatching(/^(pending|succeeded)$/),
      })
      expect(await t.provider.getRefund(part.ref)).toEqual(part)
      await fails('rejected', t.provider.refund(t.refundOf(ref, 5001)))
      await t.provider.refund(t.refundOf(ref, 5000))
      await fails('rejected', t.provider.refund(t.refundOf(ref, 1)))
      expect(await t.provider.getPayment(ref)).toMatchObject({ status: 'succeeded', amount: 9500, refunded: 9500 })
    })

    test('a refund of a payment that did not succeed is refused', async () => {
      const { ref } = await t.create()
      await fails('rejected', t.provider.refund(t.refundOf(ref, 100)))
      await t.world.pay(ref, 'fail')
      await fails('rejected', t.provider.refund(t.refundOf(ref, 100)))
    })

    test('the same idempotency key twice makes one refund', async () => {
      const { ref } = await t.createPaid()
      const before = t.world.count().refunds
      const request = t.refundOf(ref, 1000)
      const first = await t.provider.refund(request)
      expect(await t.provider.refund(request)).toEqual(first)
      expect(t.world.count().refunds).toBe(before + 1)
    })

    test('the same refund id makes one refund even under a new idempotency key', async () => {
      const { ref } = await t.createPaid()
      const request = t.refundOf(ref, 1000)
      const first = await t.provider.refund(request)
      expect(await t.provider.refund({ ...request, idempotencyKey: newId() })).toEqual(first)
      await fails('rejected', t.provider.refund({ ...request, idempotencyKey: newId(), amount: 999 }))
      expect(await t.provider.getPayment(ref)).toMatchObject({ refunded: 1000 })
    })

    test('the same refund id makes one refund among many other refunds of its payment', async () => {
      const { ref } = await t.createPaid()
      const request = t.refundOf(ref, 1000)
      const first = await t.provider.refund(request)
      for (const amount of [1, 2, 3, 4, 5]) await t.provider.refund(t.refundOf(ref, 100 * amount))
      expect(await t.provider.refund({ ...request, idempotencyKey: newId() })).toEqual(first)
      expect(await t.provider.getPayment(ref)).toMatchObject({ refunded: 2500 })
    })

    test('the same refund many times at once makes one refund', async () => {
      const { ref } = await t.createPaid()
      const before = t.world.count().refunds
      const request = t.refundOf(ref, 1000)
      const tries = await Promise.allSettled(Array.from({ length: 8 }, () => t.provider.refund(request)))
      const made = await t.provider.refund(request)
      for (const one of tries) {
        if (one.status === 'fulfilled') expect(one.value).toEqual(made)
        else expect(one.reason).toMatchObject({ name: 'ProviderError', kind: 'unavailable' })
      }
      expect(t.world.count().refunds).toBe(before + 1)
    })

    test('two concurrent refunds cannot exceed the payment', async () => {
      const { ref } = await t.createPaid()
      const tries = [t.refundOf(ref, 6000), t.refundOf(ref, 6000)].map((request) => t.provider.refund(request))
      const outcomes = await Promise.allSettled(tries)
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(await t.provider.getPayment(ref)).toMatchObject({ refunded: 6000 })
    })
  })

  describe('entries', () => {
    async function list(from: Date, until: Date) {
      const entries = []
      let page = await t.provider.listEntries({ from, until })
      entries.push(...page.entries)
      while (page.nextCursor !== null) {
        page = await t.provider.listEntries({ from, until }, page.nextCursor)
        entries.push(...page.entries)
      }
      return entries
    }

    test('every charge and refund of the period is listed once, over all pages', async () => {
      const payments = await Promise.all(Array.from({ length: 5 }, () => t.createPaid()))
      const requests = payments.slice(0, 3).map(({ ref }) => t.refundOf(ref, 700))
      const refunds = await Promise.all(requests.map((request) => t.provider.refund(request)))
      const entries = await list(t.world.now, t.at(1))
      expect(new Set(entries.map(({ kind, ref }) => `${kind} ${ref}`)).size).toBe(entries.length)
      for (const { ref, paymentId, amount, currency } of payments) {
        const found = entries.filter(({ kind, paymentRef }) => kind === 'charge' && paymentRef === ref)
        expect(found).toMatchObject([{ paymentId, amount, currency, status: 'succeeded', createdAt: t.world.now }])
      }
      for (const { ref, paymentRef, refundId, status } of refunds) {
        const found = entries.filter((entry) => entry.kind === 'refund' && entry.ref === ref)
        expect(found).toMatchObject([{ paymentRef, refundId, amount: 700, status, createdAt: t.world.now }])
      }
    })

    test('unpaid payments and entries outside the period are not listed', async () => {
      const waiting = await t.create()
      const failed = await t.create()
      await t.world.pay(failed.ref, 'fail')
      const refs = (await list(t.world.now, t.at(1))).map(({ paymentRef }) => paymentRef)
      expect(refs).not.toContain(waiting.ref)
      expect(refs).not.toContain(failed.ref)
      expect(await list(t.at(-60), t.world.now)).toEqual([])
      expect(await list(t.at(1), t.at(60))).toEqual([])
    })
  })
}
