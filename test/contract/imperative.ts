const VERBS = new Set(
  'Accept Add Amend Attach Book Cancel Change Check Clear Close Complete Confirm Create Decline Delete Disable Download End Erase Explain Export Find Get Join Leave List Mark Open Prescribe Quote Read Receive Refresh Refund Remove Rename Renew Reschedule Review Search Set Sign Stop Undo Unverify Update Verify'.split(
    ' ',
  ),
)

/** "Cancel an appointment": a known verb first, two to five words, no full stop. */
export function isImperative(summary: string): boolean {
  const words = summary.split(' ')
  return VERBS.has(words[0]!) && words.length >= 2 && words.length <= 5 && /[\w)]$/.test(summary)
}
