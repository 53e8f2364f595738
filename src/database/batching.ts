import { asUnavailable } from './constraints'

/** Above `statement_timeout`: fires only when a connection hangs, so that the queue behind it moves on. */
const PATIENCE_MS = 30_000

type Waiting<Q, A> = { question: Q; resolve: (answer: A) => void; reject: (error: unknown) => void }

/**
 * Batches questions: `run` answers several of them in one round trip, in their order. The first one is sent at once.
 * Questions that arrive while `width` batches run go into the next batch, which has at most `largest` of them.
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
      // The refused statement has done nothing: ask one by one, so that a bad question does not fail the others.
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
