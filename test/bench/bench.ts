/** What a file `<name>.bench.ts` exports as `bench`; it prints what it finds, and asserts nothing. */
export type Bench = { title: string; run(options: BenchOptions): Promise<void> }

export type BenchOptions = {
  /** About so many appointments, where the size of the table matters. */
  rows: number
  /** How long one measurement of one thing lasts. */
  seconds: number
  /** What is compared takes turns so many times, so that a noisy moment hits all alike; the median is printed. */
  rounds: number
  connections: number
}

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** Rows of text as a table with aligned columns: the first to the left, the others to the right. */
export function printTable(header: string[], rows: string[][]): void {
  const lines = [header, ...rows]
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  for (const line of lines)
    console.log(
      `  ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`,
    )
}
