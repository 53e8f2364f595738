import { type Money, minorUnitDigits } from '../../ledger/currency'

/**
 * Where Stripe counts otherwise than ISO 4217: the ariary has no hundredth there, the króna and the Ugandan shilling
 * have one that must be 00. https://docs.stripe.com/currencies#special-cases
 */
const STRIPE_DIGITS: Record<string, number> = { MGA: 0, ISK: 2, UGX: 2 }

const shift = (currency: string) => (STRIPE_DIGITS[currency] ?? minorUnitDigits(currency)) - minorUnitDigits(currency)

/** Stripe wants amounts in thousandths to end in 0, since cards know two decimals. */
export const stripeAmountStep = (currency: string): number =>
  minorUnitDigits(currency) > 2 ? 10 ** (minorUnitDigits(currency) - 2) : 10 ** Math.max(0, -shift(currency))

/** The `amount` and `currency` of a request. Throws RangeError unless the amount is a positive multiple of the step. */
export function toStripeMoney({ amount, currency }: Money): Money {
  const step = stripeAmountStep(currency)
  if (!Number.isSafeInteger(amount) || amount <= 0 || amount % step !== 0)
    throw new RangeError(`amounts in ${currency} must be positive multiples of ${step}`)
  return { amount: scale(amount, shift(currency)), currency: currency.toLowerCase() }
}

/** Ours again, from an answer. */
export function fromStripeMoney(amount: number, stripeCurrency: string): Money {
  const currency = stripeCurrency.toUpperCase()
  return { amount: scale(amount, -shift(currency)), currency }
}

const scale = (amount: number, digits: number) => (digits < 0 ? amount / 10 ** -digits : amount * 10 ** digits)
