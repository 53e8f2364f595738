/** Integer minor units and ISO 4217 code. */
export type Money = { amount: number; currency: string }

/**
 * ISO 4217 currencies whose minor unit is not a hundredth. Not taken from Intl, because runtimes differ: Bun follows ISO
 * 4217, but Node follows CLDR, where HUF, IDR and COP have no minor unit, and would show amounts 100 times too high.
 */
const DIGITS: Record<string, number> = {
  ...digits(0, 'BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'),
  ...digits(3, 'BHD IQD JOD KWD LYD OMR TND'),
  ...digits(4, 'CLF'),
}

function digits(count: number, codes: string): Record<string, number> {
  return Object.fromEntries(codes.split(' ').map((code) => [code, count]))
}

/** Decimal digits of the minor unit by ISO 4217: 2 for USD, 0 for JPY, 3 for KWD. */
export const minorUnitDigits = (currency: string): number => DIGITS[currency] ?? 2

/** For people to read: `$95.00`, `¥9,500`, `KWD 9.500`. `locale` is a BCP 47 tag; a malformed tag throws RangeError. */
export function formatMoney({ amount, currency }: Money, locale = 'en-US'): string {
  const digits = minorUnitDigits(currency)
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount / 10 ** digits)
}
