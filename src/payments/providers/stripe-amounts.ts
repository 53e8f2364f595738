import { type Money, minorUnitDigits } from '../../ledger/currency'

/**
 * Currencies whose minor unit at Stripe differs from ISO 4217: the ariary has no decimals there; the króna and the Ugandan
 * shilling have two, which must be 00. https://docs.stripe.com/currencies#special-cases
 */
const STRIPE_DIGITS: Record<string, number> = { MGA: 0, ISK: 2, UGX: 2 }

const shift = (currency: string) => (STRIPE_DIGITS[currency] ?? minorUnitDigits(currency)) - minorUnitDigits(currency)

/** Amounts must be multiples of this many minor units. Cards have two decimals, so a third one must be 0. */
export const stripeAmountStep = (currency: string): number =>
  minorUnitDigits(currency) > 2 ? 10 ** (minorUnitDigits(currency) - 2) : 10 ** Math.max(0, -shift(currency))

/** Our money as a request needs it. Throws RangeError unless the amount is a positive multiple of the step. */
export function toStripeMoney({ amount, currency }: Money): Money {
  const step = stripeAmountStep(currency)
  if (!Number.isSafeInteger(amount) || amount <= 0 || amount % step !== 0)
    throw new RangeError(`amounts in ${currency} must be positive multiples of ${step}`)
  return { amount: scale(amount, shift(currency)), currency: currency.toLowerCase() }
}

/** Converts money of an answer to ours. */
export function fromStripeMoney(amount: number, stripeCurrency: string): Money {
  const currency = stripeCurrency.toUpperCase()
  return { amount: scale(amount, -shift(currency)), currency }
}

const scale = (amount: number, digits: number) => (digits < 0 ? amount / 10 ** -digits : amount * 10 ** digits)
