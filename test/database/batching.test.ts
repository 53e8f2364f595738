import { expect, test } from 'bun:test'
import { batched } from '../../src/database/batching'

/** Answers each batch with its numbers doubled, once it is released. */
function slowly(refuses: (batch: number[]) => Error | undefined = () => undefined) {
  const batches: number[][] = []
  const waiting: (() => void)[] = []
  const run = async (batch: number[]) => {
    batches.push(batch)
    await new Promise<void>((resolve) => waiting.push(resolve))
    const refusal = refuses(batch)
    if (refusal) throw refusal
    return batch.map((question) => question * 2)
  }
  const letAllGo = async (settled: Promise<unknown>) => {
    let isOver = false
    void settled.then(() => {
      isOver = true
    })
    while (!isOver) {
      for (const go of waiting.splice(0)) go()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { batches, run, letAllGo }
}

test('batching sends the first questions at once and the others in limited batches, and each gets its own answer', async () => {
  const { batches, run, letAllGo } = slowly()
  const ask = batched(run, { largest: 3, width: 2 })
  const all = Promise.all([1, 2, 3, 4, 5, 6, 7].map(ask))
  expect(batches).toEqual([[1], [2]])
  await letAllGo(all)
  expect(batches).toEqual([[1], [2], [3, 4, 5], [6, 7]])
  expect(await all).toEqual([2, 4, 6, 8, 10, 12, 14])
  const later = ask(8)
  expect(batches.at(-1)).toEqual([8])
  await letAllGo(later)
})

test('batching rejects only the question that is refused', async () => {
  const { batches, run, letAllGo } = slowly((batch) => (batch.includes(3) ? new Error('three') : undefined))
  const ask = batched(run, { largest: 9 })
  const all = Promise.allSettled([1, 2, 3, 4].map(ask))
  await letAllGo(all)
  expect(batches).toEqual([[1], [2, 3, 4], [2], [3], [4]])
  expect((await all).map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
})

test('batching does not repeat the questions of a batch if the database cannot be reached', async () => {
  const { batches, run, letAllGo } = slowly(() => Object.assign(new Error('no database'), { code: 'ECONNREFUSED' }))
  const ask = batched(run, { largest: 9 })
  const all = Promise.allSettled([1, 2, 3].map(ask))
  await letAllGo(all)
  expect(batches).toEqual([[1], [2, 3]])
  expect((await all).every(({ status }) => status === 'rejected')).toBe(true)
})

test('batching continues after a connection that does not answer', async () => {
  const silent = new Set([1])
  const run = (batch: number[]) =>
    batch.some((question) => silent.has(question)) ? new Promise<number[]>(() => {}) : Promise.resolve(batch)
  const ask = batched(run, { largest: 9, patienceMs: 20 })
  const all = await Promise.allSettled([1, 2, 3].map(ask))
  expect(all).toMatchObject([{ status: 'rejected', reason: { code: 'ETIMEDOUT' } }, { value: 2 }, { value: 3 }])
})
