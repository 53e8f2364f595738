import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { COMMON_PASSWORDS } from '../../src/auth/passwords/common-passwords'
import { containsEmailName, passwordWeakness } from '../../src/auth/passwords/policy'

describe('password policy', () => {
  const refused: [password: string, reason: RegExp][] = [
    ['elevenchars', /at least 12/],
    ['é'.repeat(5) + '🐎'.repeat(6), /at least 12/],
    ['x1'.repeat(32) + '🐎'.repeat(65), /at most 128/],
    ['aaaaaaaaaaaa', /repeat/],
    ['Abcabcabcabca', /repeat/],
    ['abcdefghijklmn', /run of/],
    ['098765432109', /run of/],
    ['qwertyuiopasdf', /run of/],
    ['1qaz2wsx3edc', /run of/],
    ['WorldOfWarcraft', /most used/],
    ['qwerty123456', /most used/],
    ['ｑｗｅｒｔｙ１２３４５６', /most used/],
    ['Password1234!', /common word/],
    ['2026-Healthcare', /common word/],
  ]
  test.each(refused)('the password policy refuses %s', (password, reason) => {
    expect(passwordWeakness(password)).toMatch(reason)
  })

  test.each([
    'correct horse battery',
    'clinic-demo-2026',
    'nodigitsnocapitals',
    '🐎🔋📎🧲🪑🛋🚪🪟🧱🌳🌵🌴',
    '748159263047',
    '            x ',
  ])('the password policy accepts %s', (password) => {
    expect(passwordWeakness(password)).toBeUndefined()
  })

  test('a password has from 12 to 128 code points', () => {
    const points = (count: number) =>
      Array.from({ length: count }, (_, i) => String.fromCodePoint(0x1f400 + i)).join('')
    expect(passwordWeakness(points(11))).toBeDefined()
    expect(passwordWeakness(points(12))).toBeUndefined()
    expect(passwordWeakness(points(128))).toBeUndefined()
    expect(passwordWeakness(points(129))).toBeDefined()
  })

  test('the password policy refuses every common password in any case', () => {
    expect(COMMON_PASSWORDS.size).toBeGreaterThan(1000)
    for (const password of COMMON_PASSWORDS) {
      expect(password.length).toBeGreaterThanOrEqual(12)
      expect(passwordWeakness(password.toUpperCase())).toBeDefined()
    }
  })

  test('the password policy refuses any short text that is repeated', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 6 }), (piece) => {
        const password = piece.repeat(12)
        expect(passwordWeakness(password)).toBeDefined()
      }),
    )
  })

  test('a password must not contain the local part of the email address, unless that is very short', () => {
    expect(containsEmailName('my Ada.Lovelace password', 'ada.lovelace@example.org')).toBe(true)
    expect(containsEmailName('my Ada.Lovelace password', 'Ada.LOVELACE@example.org')).toBe(true)
    expect(containsEmailName('adamant about passwords', 'ada@example.org')).toBe(false)
    expect(containsEmailName('example.org is my site', 'ada.lovelace@example.org')).toBe(false)
  })
})
