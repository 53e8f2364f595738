import { describe, expect, test } from 'bun:test'
import { sql } from 'kysely'
import { ACTIVE_PAYMENT_STATUSES, canBecome, isPayable } from '../../src/payments/status'
import type { PaymentStatus } from '../../src/payments/tables'
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

describe('status of a payment', () => {
  test('only an open payment can fail or be cancelled', () => {
    const open = ALL.filter((from) => canBecome(from, 'failed') && canBecome(from, 'cancelled'))
    expect(open).toEqual(['pending', 'requires_action', 'processing'])
  })

  test('money can be given back only after it was taken', () => {
    expect(ALL.filter((from) => canBecome(from, 'refunded'))).toEqual(['succeeded', 'partially_refunded'])
    expect(ALL.filter((from) => canBecome(from, 'partially_refunded'))).toEqual(['succeeded'])
  })

  test('what is refunded, failed or cancelled stays so', () => {
    for (const from of ['refunded', 'failed', 'cancelled'] as const)
      expect(ALL.filter((to) => canBecome(from, to))).toEqual([])
  })

  test('no status follows itself, and none leads back to an earlier one', () => {
    for (const [i, from] of ALL.slice(0, 6).entries())
      for (const to of ALL.slice(0, i + 1)) expect(`${from} → ${to} ${canBecome(from, to)}`).toEndWith('false')
  })

  test('the active ones are those of the unique index', async () => {
    const { db } = await createTestApp()
    const { rows } = await sql<{ def: string }>`
      select pg_get_indexdef('payments_one_active'::regclass) as def`.execute(db)
    const indexed = ALL.filter((status) => rows[0]!.def.includes(`'${status}'`))
    expect(indexed).toEqual([...ACTIVE_PAYMENT_STATUSES])
  })
})

describe('an appointment that can be paid', () => {
  test.each([
    ['booked', true],
    ['checked_in', true],
    ['completed', true],
    ['no_show', false],
    ['cancelled', false],
    ['expired', false],
  ] as const)('%s: %p', (status, payable) => {
    expect(isPayable({ status, holdExpiresAt: null }, NOW)).toBe(payable)
  })

  test('a hold can be paid until the instant it lapses', () => {
    const held = (ms: number) => ({ status: 'held' as const, holdExpiresAt: new Date(NOW.getTime() + ms) })
    expect(isPayable(held(1), NOW)).toBe(true)
    expect(isPayable(held(0), NOW)).toBe(false)
  })
})
