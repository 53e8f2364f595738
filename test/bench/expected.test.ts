import { describe, expect, test } from 'bun:test'
import { type Count, differences } from './expected'

const alone = { roundTrips: 6, statements: 8, plans: 0, bytes: 4500 }
const together = { roundTrips: 0.2, statements: 0.3, plans: 0, bytes: 200 }
const compare = (now: Partial<Count>, how: 'alone' | 'together' = 'alone') =>
  differences({ alone, together }, { alone, together, [how]: { ...{ alone, together }[how], ...now } })

describe('bench check', () => {
  test('what is expected, or less, is no difference', () => {
    expect(compare({})).toEqual([])
    expect(compare({ roundTrips: 3, statements: 3, bytes: 900 })).toEqual([])
  })

  test('a hot statement that is planned anew is a difference', () => {
    expect(compare({ plans: 1 })).toEqual(['alone, 1 instead of 0 plans: a statement is planned anew'])
  })

  test('one more round trip is a difference', () => {
    expect(compare({ roundTrips: 7 })).toEqual(['alone, 7 instead of 6 round trips'])
  })

  test('20 % more bytes are a difference, and fewer than that are none', () => {
    expect(compare({ bytes: 5_500 })).toEqual(['alone, 5500 instead of 4500 bytes sent'])
    expect(compare({ bytes: 5_300 })).toEqual([])
  })

  test('requests at once that no longer share a statement are a difference', () => {
    expect(compare({ statements: 1 }, 'together')).toEqual(['together, 1 instead of 0.3 statements'])
    expect(compare({ statements: 0.35 }, 'together')).toEqual([])
  })

  test('a workload that is not in the file is a difference', () => {
    expect(differences(undefined, { alone })).toEqual(['is not in expected.json'])
  })
})
