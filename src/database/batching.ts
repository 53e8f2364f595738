import { asUnavailable } from './constraints'

/** Longer than any statement may take: a connection that has fallen silent keeps those behind it waiting no longer. */
const PATIENCE_MS = 30_000

type Waiting<Q, A> = { question: Q; resolve: (answer: A) => void; reject: (error: unknown) => void }

/**
 * Callers share round trips: `run` answers several questions, in their order. The first goes out at once, and what comes
 * while `width` are under way goes into the next, at most `largest` at a time: none waits when there is little to do, and
 * a busy API asks once for many.
 */
export function batched<Q, A>(
  run: (questions: Q[]) => Promise<A[]>,
  { largest, width = 1, patienceMs = PATIENCE_MS }: { largest: number; width?: number; patienceMs?: number },
): (question: Q) => Promise<A> {
  const waiting: Waiting<Q, A>[] = []
  let running = 0

  async function drain(): Promise<void> {
    running++
    while (waiting.length > 0) await answer(waiting.splice(0, largest))
    running--
  }

  async function answer(batch: Waiting<Q, A>[]): Promise<void> {
    try {
      const answers = await inTime(run(batch.map(({ question }) => question)), patienceMs)
      for (const [i, { resolve }] of batch.entries()) resolve(answers[i] as A)
    } catch (error) {
      // The statement was refused and has done nothing: one question must not fail the others.
      if (batch.length > 1 && !asUnavailable(error)) for (const each of batch) await answer([each])
      else for (const { reject } of batch) reject(error)
    }
  }

  return (question) =>
    new Promise((resolve, reject) => {
      waiting.push({ question, resolve, reject })
      if (running < width) void drain()
    })
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' })), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
