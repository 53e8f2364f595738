import { expect, test } from 'bun:test'
import { daysRange, reconcile } from '../../src/payments/reconciliation/service'
import { NOW } from '../support/app'
import { createCardApp } from './card-app'

const t = await createCardApp()
const HOUR = 3_600_000

test('reconciliation lists a refund in another currency than the payment’s, and does not report it as repaired', async () => {
  const { id, ref } = await t.paidPayment()
  const createdAt = t.clock.now()
  const foreign = { kind: 'refund', ref: 're_foreign', paymentRef: ref, paymentId: id, refundId: null } as const
  const listEntries = async () => ({
    entries: [{ ...foreign, amount: 100, currency: 'EUR', status: 'succeeded', createdAt } as const],
    nextCursor: null,
  })
  t.clock.set(new Date(NOW.getTime() + HOUR))
  const range = { ...daysRange(NOW.toISOString().slice(0, 10)), fix: true }
  const { found, remaining } = await reconcile(t.deps, { ...t.payers, listEntries }, range)
  expect(found).toEqual(remaining)
  expect(remaining).toMatchObject([{ kind: 'other_amount', of: 'refund', here: null, there: '100 EUR succeeded' }])
  expect(remaining[0]).not.toHaveProperty('repair')
  expect(await t.read(id)).toMatchObject({ refundable: 9500, status: 'succeeded' })
})
