/** The export `bench` of each file `<name>.bench.ts`; it prints its results, and only `check` can fail. */
export type Bench = {
  title: string
  /** Unless an option says otherwise. */
  defaults?: Partial<Pick<BenchOptions, 'seconds' | 'rounds' | 'connections'>>
  run(options: BenchOptions): Promise<void>
}

export type BenchOptions = {
  /** Approximate number of appointments, where the size of the table matters. */
  rows: number
  /** The length of one measurement of one candidate. */
  seconds: number
  /** How often the candidates take turns, so that a noisy moment affects all alike; the median is printed. */
  rounds: number
  connections: number
  /** Part of the name of what is measured, where there are many. */
  only: string | undefined
  /** The workloads that were named after the bench; empty: all. */
  workloads: string[]
  /** Whether `check` shall write what it finds as expected. */
  write: boolean
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
