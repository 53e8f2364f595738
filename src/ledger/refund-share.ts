/**
 * What a cancellation gives back, in minor units: the share of the price that the terms name, as far as it was paid and
 * has not gone back already, rounded down to what the provider can pay out. What is whole needs no rounding.
 */
export function refundDue(
  { chargedAmount, refundedAmount }: { chargedAmount: number; refundedAmount: number },
  share: number,
  step: number,
): number {
  const due = Math.max(0, Math.min(share, chargedAmount) - refundedAmount)
  return share >= chargedAmount ? due : due - (due % step)
}
