/** A half-open range of time [start, end), epoch ms. */
export type TimeRange = { start: number; end: number }

/** The union of ranges as sorted, disjoint, non-empty ones, as the functions below need them. */
export function mergeRanges(ranges: readonly TimeRange[]): TimeRange[] {
  const ascending = ranges.filter(isNotEmpty)
  if (ascending.some(({ start }, i) => i > 0 && start < ascending[i - 1]!.start))
    ascending.sort((a, b) => a.start - b.start)
  const merged: TimeRange[] = []
  let last: TimeRange | undefined
  for (const { start, end } of ascending) {
    if (last && start <= last.end) last.end = Math.max(last.end, end)
    else {
      last = { start, end }
      merged.push(last)
    }
  }
  return merged
}

/** The intersection of two sets of merged ranges, merged. */
export function intersectRanges(a: readonly TimeRange[], b: readonly TimeRange[]): TimeRange[] {
  const common: TimeRange[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [one, other] = [a[i]!, b[j]!]
    if (overlap(one, other)) common.push({ start: Math.max(one.start, other.start), end: Math.min(one.end, other.end) })
    if (one.end < other.end) i++
    else j++
  }
  return common
}

/** The ascending instants that lie in none of the merged ranges. */
export function outsideOf(merged: readonly TimeRange[], ascending: readonly number[]): readonly number[] {
  if (merged.length === 0) return ascending
  const outside: number[] = []
  let next = 0
  for (const instant of ascending) {
    while (next < merged.length && merged[next]!.end <= instant) next++
    if (next === merged.length || instant < merged[next]!.start) outside.push(instant)
  }
  return outside
}

/** Whether [start, end) overlaps any of the merged ranges; binary search. */
export function overlapsAny(merged: readonly TimeRange[], start: number, end: number): boolean {
  let low = 0
  let high = merged.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (merged[middle]!.end <= start) low = middle + 1
    else high = middle
  }
  return low < merged.length && merged[low]!.start < end
}

/** Whether two half-open ranges share any time. */
export function overlap(a: TimeRange, b: TimeRange): boolean {
  return a.start < b.end && b.start < a.end
}

export function isNotEmpty(range: TimeRange): boolean {
  return range.start < range.end
}
