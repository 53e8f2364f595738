import type { Logger } from './log'

const FIRST_RETRY = 250
const SLOWEST_RETRY = 10_000

export type Task = {
  name: string
  /** Gives how much it did. */
  run: () => Promise<number>
  /** Milliseconds until it runs again, from what it did and how often in a row it found nothing to do. */
  pause: (done: number, idle: number) => number
}

export type RunningTasks = {
  /** Resolves once nothing of it runs any more. */
  stop(): Promise<void>
}

/** Runs each task again and again, none of them twice at once; a failing one is tried again ever more slowly. */
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
      if (failures > 0) log.info({ task: name, failures }, 'a background task works again')
      failures = 0
      idle = done > 0 ? 0 : idle + 1
      wait = pause(done, idle)
    } catch (error) {
      if (failures++ === 0) log.warn({ task: name, error }, 'a background task fails; it will be tried again')
      wait = Math.min(FIRST_RETRY * 2 ** (failures - 1), SLOWEST_RETRY)
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
