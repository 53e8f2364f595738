import { unavailable } from '../errors'

/**
 * At most `width` tasks of one key run at a time in this process; the rest wait in order, without a connection, for at
 * most `patienceMs` (then 503), and no more than `room` of them. Keeps a hot doctor from filling the pool, and a login
 * storm from taking every core.
 */
export function createLimiter(width: number, patienceMs: number, room = 1_000) {
  const busy = new Map<string, { running: number; waiting: (() => void)[] }>()
  const tooMany = () => unavailable('Too many requests for the same thing are waiting.')

  async function enter(key: string): Promise<void> {
    const lane = busy.get(key) ?? { running: 0, waiting: [] }
    busy.set(key, lane)
    if (lane.running < width) {
      lane.running++
      return
    }
    if (lane.waiting.length >= room) throw tooMany()
    await new Promise<void>((resolve, reject) => {
      const turn = () => {
        clearTimeout(timer)
        resolve()
      }
      const timer = setTimeout(() => {
        lane.waiting.splice(lane.waiting.indexOf(turn), 1)
        reject(tooMany())
      }, patienceMs)
      lane.waiting.push(turn)
    })
  }

  function leave(key: string): void {
    const lane = busy.get(key)!
    const next = lane.waiting.shift()
    if (next) next()
    else if (--lane.running === 0) busy.delete(key)
  }

  return async function inLane<T>(key: string, task: () => Promise<T>): Promise<T> {
    await enter(key)
    try {
      return await task()
    } finally {
      leave(key)
    }
  }
}

export type Limiter = ReturnType<typeof createLimiter>
