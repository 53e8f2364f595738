import type { Logger } from './log'

const FIRST_RETRY_MS = 250
const SLOWEST_RETRY_MS = 10_000

export type Task = {
  name: string
  /** Returns how many items it processed. */
  run: () => Promise<number>
  /** Milliseconds until the next run, from the items just processed and the number of empty runs in a row. */
  pause: (done: number, idle: number) => number
}

export type RunningTasks = {
  /** Resolves once no task runs any more. */
  stop(): Promise<void>
}

/** Repeats each task, never twice at once. After failures the pauses grow. */
export function runTasks(log: Logger, tasks: Task[]): RunningTasks {
  const stopping = new AbortController()
  const running = tasks.map((task) => repeat(task, log, stopping.signal))
  return {
    async stop() {
      stopping.abort()
      await Promise.all(running)
    },
  }
}

async function repeat({ name, run, pause }: Task, log: Logger, signal: AbortSignal): Promise<void> {
  let idle = 0
  let failures = 0
  while (!signal.aborted) {
    let wait: number
    try {
      const done = await run()
      if (failures > 0) log.info({ task: name, failures }, 'a repeating task works again')
      failures = 0
      idle = done > 0 ? 0 : idle + 1
      wait = pause(done, idle)
    } catch (error) {
      if (failures++ === 0) log.warn({ task: name, error }, 'a repeating task fails and is retried')
      wait = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), SLOWEST_RETRY_MS)
    }
    await sleep(wait, signal)
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      resolve()
    }
    const timer = setTimeout(wake, ms)
    signal.addEventListener('abort', wake)
  })
}
