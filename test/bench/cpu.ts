import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type pg from 'pg'

/** The same for every Linux kernel. */
const TICKS_PER_SECOND = 100

/** CPU time by part: of the servers that answer, of the backends of their database, and of the MongoDB engine. */
export type Usage = { api: number; postgres: number; mongo: number }

export const sumOf = ({ api, postgres, mongo }: Usage): number => api + postgres + mongo

/** `client` is connected to the database of the servers. */
export type Watched = { pids: number[]; client: pg.Client; mongoPid?: number }

/**
 * Starts to count CPU time; the returned function returns the seconds since then, which are known on Linux only. Unlike
 * elapsed time, they are the same on a machine that also does other work.
 */
export async function countUsage({ pids, client, mongoPid }: Watched): Promise<() => Promise<Usage>> {
  const before = await read()
  return async () => {
    const after = await read()
    return {
      api: after.api - before.api,
      mongo: after.mongo - before.mongo,
      // A backend that has started since then counts from its start.
      postgres: sum([...after.backends].map(([pid, seconds]) => seconds - (before.backends.get(pid) ?? 0))),
    }
  }

  async function read() {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`,
    )
    return {
      api: sum(pids.map(processSeconds)),
      mongo: mongoPid ? processSeconds(mongoPid) : 0,
      backends: new Map(rows.map(({ pid }) => [pid, threadSeconds(pid)])),
    }
  }
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)

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

/** The CPU time of a process so far, all threads, to 10 ms. */
export function processSeconds(pid: number): number {
  // The fields from the third on, after the name, which may hold any text; user and system time are fields 14 and 15.
  const fields = readProc(`${pid}/stat`)
    ?.replace(/^.*\) /s, '')
    .split(' ')
  return fields ? (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND : Number.NaN
}

/** The main thread alone, to a microsecond: a backend has no other. */
function threadSeconds(pid: number): number {
  const nanoseconds = readProc(`${pid}/schedstat`)?.split(' ')[0]
  return nanoseconds ? Number(nanoseconds) / 1e9 : processSeconds(pid)
}

function readProc(file: string): string | undefined {
  try {
    return readFileSync(`/proc/${file}`, 'utf8')
  } catch {
    return undefined
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
