import { unavailable } from '../errors'

/**
 * Runs at most `width` tasks of one key at once in this process. Others wait in order, without a connection; 503 after
 * `patienceMs`, or at once behind `longest` waiting tasks. So bookings of one doctor cannot fill the pool, nor sign-ins
 * use every core.
 */
export function createLimiter(width: number, patienceMs: number, longest = 1_000) {
  const queues = new Map<string, { running: number; waiting: (() => void)[] }>()
  const tooMany = () => unavailable('Too many requests for the same thing are waiting. Try again later.')

  /** Returns whether others had their turn first. */
  async function enter(key: string): Promise<boolean> {
    const queue = queues.get(key) ?? { running: 0, waiting: [] }
    queues.set(key, queue)
    if (queue.running < width) {
      queue.running++
      return false
    }
    if (queue.waiting.length >= longest) throw tooMany()
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        queue.waiting.splice(queue.waiting.indexOf(turn), 1)
        reject(tooMany())
      }, patienceMs)
      queue.waiting.push(turn)
    })
    return true
  }

  function leave(key: string): void {
    const queue = queues.get(key)!
    const next = queue.waiting.shift()
    if (next) next()
    else if (--queue.running === 0) queues.delete(key)
  }

  return async function limit<T>(key: string, task: (waited?: boolean) => Promise<T>): Promise<T> {
    const waited = await enter(key)
    try {
      return await task(waited)
    } finally {
      leave(key)
    }
  }
}

export type Limiter = ReturnType<typeof createLimiter>
