import { unavailable } from '../errors'
import type { Limiter } from './limiter'

type Turn = { begin(): void; refuse(): void }

/**
 * Runs at most `width` tasks at once in this process, and callers take turns: one task of each in every round, whatever
 * number of tasks each has waiting. A caller's only task waits for two others at most, or for earlier such
 * tasks. 503 after `patienceMs`; of more than `longest` waiting tasks, those of the caller with the most are refused.
 */
export function createFairLimiter(width: number, patienceMs: number, longest = 1_000): Limiter {
  /** Waiting tasks by caller, the next caller first. A newcomer had no other task waiting when its one came. */
  const newcomers = new Map<string, Turn[]>()
  const rotation = new Map<string, Turn[]>()
  let running = 0
  let waiting = 0
  let newcomersFirst = true

  function takeNext(): Turn | undefined {
    for (const callers of newcomersFirst ? [newcomers, rotation] : [rotation, newcomers])
      for (const [caller, turns] of callers) {
        callers.delete(caller)
        const turn = turns.shift()
        if (turns.length > 0) rotation.set(caller, turns)
        // Refused after too long a wait.
        if (!turn) continue
        // Many newcomers must not stop the rotation.
        newcomersFirst = callers === rotation
        return turn
      }
    return undefined
  }

  function makeRoomFor(caller: string): void {
    const all = [...newcomers, ...rotation].map(([key, turns]) => ({ key, turns }))
    const noisiest = all.reduce((most, other) => (other.turns.length > most.turns.length ? other : most), all[0]!)
    const own = all.find(({ key }) => key === caller)?.turns.length ?? 0
    if (own + 1 >= noisiest.turns.length) throw tooMany()
    noisiest.turns.pop()!.refuse()
  }

  function turnsOf(caller: string): Turn[] {
    const first = newcomers.get(caller)
    newcomers.delete(caller)
    const turns = rotation.get(caller) ?? first ?? []
    if (!rotation.has(caller)) (first ? rotation : newcomers).set(caller, turns)
    return turns
  }

  function wait(caller: string): Promise<void> {
    if (waiting >= longest) {
      if (waiting === 0) throw tooMany()
      makeRoomFor(caller)
    }
    return new Promise((resolve, reject) => {
      const turns = turnsOf(caller)
      const settle = (end: () => void) => () => {
        clearTimeout(timer)
        waiting--
        end()
      }
      const turn = { begin: settle(resolve), refuse: settle(() => reject(tooMany())) }
      const timer = setTimeout(() => {
        turns.splice(turns.indexOf(turn), 1)
        turn.refuse()
      }, patienceMs)
      turns.push(turn)
      waiting++
    })
  }

  return async function limit(caller, task) {
    if (running < width) running++
    else await wait(caller)
    try {
      return await task()
    } finally {
      const next = takeNext()
      if (next) next.begin()
      else running--
    }
  }
}

const tooMany = () => unavailable('Too many requests for the same thing are waiting. Try again later.')
