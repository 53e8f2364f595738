import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type pg from 'pg'

/** The same for every Linux kernel. */
const TICKS_PER_SECOND = 100

/** CPU seconds that each part has used so far; known on Linux only. */
export type Usage = { api: number; postgres: number }

/**
 * The CPU time of a server and of the backends of its database. Unlike elapsed time, it is the same on a machine that
 * also does other work.
 */
export async function usageOf(pid: number, client: pg.Client): Promise<Usage> {
  if (!existsSync('/proc/self/stat')) return { api: Number.NaN, postgres: Number.NaN }
  const { rows } = await client.query(
    `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
  )
  const backends = rows.map((row: { pid: number }) => cpuSeconds(row.pid))
  return { api: cpuSeconds(pid), postgres: backends.reduce((sum, seconds) => sum + seconds, 0) }
}

/** Ticks of all processors so far, and the ticks that the host of a virtual machine took away. */
export function machineTicks(): { all: number; stolen: number } {
  if (!existsSync('/proc/stat')) return { all: Number.NaN, stolen: Number.NaN }
  const [line] = readFileSync('/proc/stat', 'utf8').split('\n')
  const ticks = line!.split(/ +/).slice(1, 9).map(Number)
  return { all: ticks.reduce((sum, count) => sum + count), stolen: ticks[7]! }
}

/** The returned function gives the share of CPU time that the host took since the call; it shows in p99 first. */
export function watchMachine(): () => string {
  const before = machineTicks()
  return () => {
    const after = machineTicks()
    return `${(((after.stolen - before.stolen) / (after.all - before.all)) * 100).toFixed(1)} %`
  }
}

function cpuSeconds(pid: number): number {
  try {
    // The fields from the third on, after the name, which may hold any text; user and system time are fields 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  } catch {
    return 0
  }
}

/** Nanoseconds of CPU of each thread of a process so far; known on Linux only. */
export function threadTimes(pid: number): Map<string, number> {
  const tasks = `/proc/${pid}/task`
  const times = new Map<string, number>()
  for (const task of existsSync(tasks) ? readdirSync(tasks) : [])
    try {
      times.set(task, Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]))
    } catch {
      // The thread has just ended.
    }
  return times
}
