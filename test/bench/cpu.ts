import { existsSync, readFileSync } from 'node:fs'
import type pg from 'pg'

/** Of Linux, whatever the kernel. */
const TICKS_PER_SECOND = 100

/** Seconds of a core that each part has used so far; only Linux tells. */
export type Usage = { api: number; postgres: number }

/**
 * What a server and the backends of its database have used. Unlike time on the clock it says the same on a machine that
 * does other things as well.
 */
export async function usageOf(pid: number, client: pg.Client): Promise<Usage> {
  if (!existsSync('/proc/self/stat')) return { api: Number.NaN, postgres: Number.NaN }
  const { rows } = await client.query(
    `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const backends = rows.map((row: { pid: number }) => cpuSeconds(row.pid))
  return { api: cpuSeconds(pid), postgres: backends.reduce((sum, seconds) => sum + seconds, 0) }
}

/** Ticks of all processors so far, and those in which the host of a virtual machine ran something else. */
export function machineTicks(): { all: number; stolen: number } {
  if (!existsSync('/proc/stat')) return { all: Number.NaN, stolen: Number.NaN }
  const [line] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = line!.split(/ +/).slice(1, 9).map(Number)
  return { all: ticks.reduce((sum, count) => sum + count), stolen: ticks[7]! }
}

/** Says at its end how much of the machine's time went to others meanwhile: what others take shows in p99 first. */
export function watchMachine(): () => string {
  const before = machineTicks()
  return () => {
    const after = machineTicks()
    return `${(((after.stolen - before.stolen) / (after.all - before.all)) * 100).toFixed(1)} %`
  }
}

function cpuSeconds(pid: number): number {
  try {
    // After the name, which may hold anything: the fields from the third on; user and system time are 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}
