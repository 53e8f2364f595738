/** Integer minor units and ISO 4217 code. */
export type Money = { amount: number; currency: string }

/**
 * ISO 4217 currencies whose minor unit is not a hundredth. Written out because runtimes differ: Bun's Intl goes by ISO
 * 4217, Node's by CLDR, to which HUF, IDR or COP have no minor unit, and the same stored amount would read hundredfold.
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

/** As people write it: `$95.00`, `¥9,500`, `KWD 9.500`. `locale` is a BCP 47 tag; a malformed one throws RangeError. */
export function formatMoney({ amount, currency }: Money, locale = 'en-US'): string {
  const digits = minorUnitDigits(currency)
  return new Intl.NumberFormat(locale, {
    style: 'currency',
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  }).format(amount / 10 ** digits)
}
