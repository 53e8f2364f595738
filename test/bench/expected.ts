/** Per request. */
export type Count = { roundTrips: number; statements: number; plans: number; bytes: number }
/** `together`: many requests at once, which may share statements; how many share one differs a little from run to run. */
export type Counts = { alone: Count; together?: Count }
export type Expected = Record<string, Counts>

/** The growth that is not worth a complaint: in absolute terms, and as a share. */
const SLACK: Record<keyof Counts, Record<keyof Count, { more: number; share: number }>> = {
  alone: {
    roundTrips: { more: 0.05, share: 0 },
    statements: { more: 0.05, share: 0 },
    // A statement that is planned anew adds one. A connection that was not warm yet adds less.
    plans: { more: 0.5, share: 0 },
    bytes: { more: 0, share: 0.2 },
  },
  together: {
    roundTrips: { more: 0.1, share: 0.25 },
    statements: { more: 0.1, share: 0.25 },
    plans: { more: 0.3, share: 0 },
    bytes: { more: 0, share: 0.25 },
  },
}

const WORDS: Record<keyof Count, string> = {
  roundTrips: 'round trips',
  statements: 'statements',
  plans: 'plans: a statement is planned anew',
  bytes: 'bytes sent',
}

/** A sentence for each count that has grown; none for those that have shrunk. */
export function differences(expected: Counts | undefined, found: Counts): string[] {
  if (!expected) return ['is not in expected.json']
  return (['alone', 'together'] as const).flatMap((how) => {
    const [before, now] = [expected[how], found[how]]
    if (!before || !now) return []
    return (Object.keys(WORDS) as (keyof Count)[])
      .filter((what) => {
        const { more, share } = SLACK[how][what]
        return now[what] > before[what] * (1 + share) + more
      })
      .map((what) => `${how}, ${now[what]} instead of ${before[what]} ${WORDS[what]}`)
  })
}
