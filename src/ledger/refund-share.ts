/**
 * Refund for a cancellation, in minor units: the share of the price that the terms name, limited to the amount charged and
 * not refunded yet. A partial refund is rounded down to a multiple of `step`, the provider's amount step.
 */
export function refundDue(
  { chargedAmount, refundedAmount }: { chargedAmount: number; refundedAmount: number },
  share: number,
  step: number,
): number {
  const due = Math.max(0, Math.min(share, chargedAmount) - refundedAmount)
  return share >= chargedAmount ? due : due - (due % step)
}
