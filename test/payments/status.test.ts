import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { sql } from 'kysely'
import {
  ACTIVE_PAYMENT_STATUSES,
  deriveStatus,
  isPayable,
  mergeProviderState,
  type PaymentFacts,
  type ProviderState,
} from '../../src/ledger/status'
import type { PaymentStatus } from '../../src/ledger/tables'
import { createTestApp, NOW } from '../support/app'

const ALL: PaymentStatus[] = [
  'pending',
  'requires_action',
  'processing',
  'succeeded',
  'partially_refunded',
  'refunded',
  'failed',
  'cancelled',
]
const PROVIDER = ['pending', 'requires_action', 'processing', 'failed', 'cancelled', 'succeeded'] as const

const facts = (given: Partial<PaymentFacts>): PaymentFacts => ({
  chargedAmount: 0,
  refundedAmount: 0,
  providerStatus: null,
  releaseRequestedAt: null,
  ...given,
})

describe('status of a payment', () => {
  test('before any charge, the payment status is the provider status', () => {
    expect(deriveStatus(facts({}))).toBe('pending')
    for (const status of PROVIDER) expect(deriveStatus(facts({ providerStatus: status }))).toBe(status)
  })

  test.each([
    [0, 'succeeded'],
    [1, 'partially_refunded'],
    [9499, 'partially_refunded'],
    [9500, 'refunded'],
  ] as const)('a payment of 9500 with %d refunded is %s, whatever the provider status', (refundedAmount, expected) => {
    for (const providerStatus of [null, ...PROVIDER])
      for (const releaseRequestedAt of [null, NOW])
        expect(deriveStatus({ chargedAmount: 9500, refundedAmount, providerStatus, releaseRequestedAt })).toBe(expected)
  })

  test('a released payment is cancelled at once, unless it is processing or failed', () => {
    const released = (providerStatus: PaymentFacts['providerStatus']) =>
      deriveStatus(facts({ providerStatus, releaseRequestedAt: NOW }))
    for (const status of [null, 'pending', 'requires_action', 'cancelled'] as const)
      expect(released(status)).toBe('cancelled')
    expect(released('processing')).toBe('processing')
    expect(released('failed')).toBe('failed')
  })

  test('the active payment statuses are those of the unique index', async () => {
    const { db } = await createTestApp()
    const { rows } = await sql<{ def: string }>`
      select pg_get_indexdef('payments_one_active'::regclass) as def`.execute(db)
    const indexed = ALL.filter((status) => rows[0]!.def.includes(`'${status}'`))
    expect(indexed).toEqual([...ACTIVE_PAYMENT_STATUSES])
  })
})

describe('merged provider states', () => {
  const at = (second: number) => new Date(NOW.getTime() + second * 1000)
  const states = fc.array(
    fc.record({ status: fc.constantFrom(...PROVIDER), at: fc.integer({ min: 0, max: 3 }).map(at) }),
    { minLength: 1, maxLength: 6 },
  )
  const fold = (seen: ProviderState[]) =>
    seen.reduce<ProviderState | undefined>((known, next) => mergeProviderState(known, next), undefined)

  test('provider states merge to the same result in any order and with repeats', () => {
    fc.assert(
      fc.property(states, fc.infiniteStream(fc.nat()), (seen, random) => {
        const shuffled = seen
          .flatMap((state) => (random.next().value! % 2 ? [state, state] : [state]))
          .map((state) => ({ state, key: random.next().value! }))
          .sort((a, b) => a.key - b.key)
          .map(({ state }) => state)
        expect(fold(shuffled)).toEqual(fold(seen)!)
      }),
      { numRuns: process.env.TEST_SCALE === 'full' ? 10_000 : 300 },
    )
  })

  test('succeeded wins over all provider states, cancelled over all but succeeded, then the later state wins', () => {
    const order: ProviderState[] = [
      { status: 'succeeded', at: at(0) },
      { status: 'cancelled', at: at(0) },
      { status: 'requires_action', at: at(3) },
      { status: 'failed', at: at(2) },
      { status: 'processing', at: at(1) },
    ]
    for (const [i, winner] of order.entries())
      for (const loser of order.slice(i + 1)) {
        expect(mergeProviderState(loser, winner)).toBe(winner)
        expect(mergeProviderState(winner, loser)).toBe(winner)
      }
  })
})

describe('payable appointments', () => {
  test.each([
    ['booked', true],
    ['checked_in', true],
    ['completed', true],
    ['no_show', false],
    ['cancelled', false],
    ['expired', false],
  ] as const)('an appointment that is %s is payable: %p', (status, payable) => {
    expect(isPayable({ status, holdExpiresAt: null }, NOW)).toBe(payable)
  })

  test('a hold can be paid until the instant it expires', () => {
    const held = (ms: number) => ({ status: 'held' as const, holdExpiresAt: new Date(NOW.getTime() + ms) })
    expect(isPayable(held(1), NOW)).toBe(true)
    expect(isPayable(held(0), NOW)).toBe(false)
  })
})
