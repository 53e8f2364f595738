import { describe, expect, test } from 'bun:test'
import { type Contract, newId, newRequest } from './contract-world'
import { fails } from './fails'

/** A retry after any network fault has one effect. */
export function describeFaults(t: Contract): void {
  describe('faults', () => {
    const FAULTS = ['lost_request', 'lost_answer', 'rubbish', 'error', 'slow'] as const

    test.each(FAULTS)('the fault %s fails a payment in time, and a retry makes one payment', async (fault) => {
      const before = t.world.count().payments
      const request = newRequest()
      t.world.disturb(fault)
      await failsInTime(t.provider.createPayment(request))
      const payment = await t.provider.createPayment(request)
      expect(payment).toMatchObject({ paymentId: request.paymentId, status: 'pending' })
      expect(t.world.count().payments).toBe(before + 1)
    })

    test.each(FAULTS)('the fault %s fails a refund in time, and a retry makes one refund', async (fault) => {
      const { ref } = await t.createPaid()
      const request = t.refundOf(ref, 2500)
      t.world.disturb(fault, 'write')
      await failsInTime(t.provider.refund(request))
      expect(await t.provider.refund(request)).toMatchObject({ amount: 2500 })
      expect(await t.provider.getPayment(ref)).toMatchObject({ refunded: 2500 })
    })

    test.each(FAULTS)('the fault %s fails a cancellation in time, and a retry cancels the payment', async (fault) => {
      const { ref } = await t.create()
      const key = newId()
      t.world.disturb(fault)
      await failsInTime(t.provider.cancelPayment(ref, key))
      expect(await t.provider.cancelPayment(ref, key)).toBe('cancelled')
    })

    // The runtime may repeat a GET on a new connection, so a lost request or answer need not fail.
    test.each(['rubbish', 'error', 'slow'] as const)('the fault %s fails a read in time', async (fault) => {
      const { ref } = await t.create()
      t.world.disturb(fault)
      await failsInTime(t.provider.getPayment(ref))
      expect(await t.statusOf(ref)).toBe('pending')
      t.world.disturb(fault)
      await failsInTime(t.provider.listEntries({ from: t.at(-60), until: t.at(60) }))
    })

    /** A slow provider never answers: without a deadline the call would not end. */
    const failsInTime = (call: Promise<unknown>) => fails('unavailable', call)
  })
}
