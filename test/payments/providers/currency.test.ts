import { describe, expect, test } from 'bun:test'
import { formatMoney, minorUnitDigits } from '../../../src/ledger/currency'

describe('currencies', () => {
  test('the minor unit digits of every supported currency follow ISO 4217', () => {
    const byIntl = (currency: string) =>
      new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions().maximumFractionDigits
    const differing = Intl.supportedValuesOf('currency').filter((code) => minorUnitDigits(code) !== byIntl(code))
    expect(differing).toEqual([])
  })

  test.each([
    [9500, 'USD', 'en-US', '$95.00'],
    [5, 'USD', 'en-US', '$0.05'],
    [9500, 'JPY', 'en-US', '¥9,500'],
    [12_345, 'KWD', 'en-US', 'KWD 12.345'],
    [9500, 'HUF', 'en-US', 'HUF 95.00'],
    [123_456_789, 'EUR', 'de-DE', '1.234.567,89 €'],
    [0, 'EUR', 'en-US', '€0.00'],
    [1_000_000_000, 'KWD', 'en-US', 'KWD 1,000,000.000'],
  ])('formats %i minor units of %s in %s as %s', (amount, currency, locale, text) => {
    expect(formatMoney({ amount, currency }, locale).replaceAll('\u00a0', ' ')).toBe(text)
  })
})
