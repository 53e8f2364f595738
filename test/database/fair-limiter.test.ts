import { describe, expect, test } from 'bun:test'
import { createFairLimiter } from '../../src/database/fair-limiter'
import type { Limiter } from '../../src/database/limiter'
import { until } from '../support/until'

/** Tasks that run until `finishOne` ends the oldest running one; `begun` and `refused` list them in order. */
function createTasks(limit: Limiter) {
  const begun: string[] = []
  const refused: string[] = []
  const running: (() => void)[] = []
  const add = (caller: string, name = caller) => {
    const task = () =>
      new Promise<void>((resolve) => {
        begun.push(name)
        running.push(resolve)
      })
    limit(caller, task).catch(({ code }) => refused.push(`${name} ${code}`))
  }
  const finishOne = async () => {
    running.shift()!()
    await Bun.sleep(0)
  }
  return {
    begun,
    refused,
    running,
    add,
    async finish(count: number) {
      for (let i = 0; i < count; i++) await finishOne()
    },
  }
}

describe('a fair limiter', () => {
  test('callers take turns, however many tasks each has waiting', async () => {
    const t = createTasks(createFairLimiter(1, 60_000))
    for (const caller of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) t.add(caller)
    await t.finish(7)
    expect(t.begun.join('')).toBe('acababa')
  })

  test.each([0, 1, 2, 3, 4, 5, 6])(
    'a caller that arrives in a storm of three others waits for at most two of their tasks (after %d of them)',
    async (finished) => {
      const t = createTasks(createFairLimiter(1, 60_000))
      for (let i = 0; i < 50; i++) for (const caller of ['a', 'b', 'c']) t.add(caller)
      await t.finish(finished)
      const before = t.begun.length - t.running.length
      t.add('d')
      await t.finish(2)
      expect(t.begun.slice(before, before + 3)).toContain('d')
    },
  )

  test('a caller that sends one task after the other in a storm waits for at most two of the others each time', async () => {
    const t = createTasks(createFairLimiter(1, 60_000))
    for (let i = 0; i < 50; i++) for (const caller of ['a', 'b', 'c']) t.add(caller)
    for (let sent = 1; sent <= 10; sent++) {
      const before = t.begun.length - 1
      t.add('d')
      while (t.begun.filter((name) => name === 'd').length < sent) await t.finish(1)
      expect(t.begun.length - 1 - before).toBeLessThanOrEqual(2)
      await t.finish(1)
    }
  })

  test('a caller that sends its next task only after its last one has ended gets half of the turns at most', async () => {
    const t = createTasks(createFairLimiter(1, 60_000))
    for (let i = 0; i < 30; i++) t.add('many')
    t.add('single')
    for (let i = 0; i < 20; i++) {
      const last = t.begun.at(-1)
      await t.finish(1)
      if (last === 'single') t.add('single')
    }
    expect(t.begun.filter((name) => name === 'single').length).toBeLessThanOrEqual(11)
    expect(t.begun.filter((name) => name === 'many').length).toBeGreaterThanOrEqual(10)
  })

  test('ever new callers do not stop the turns of those that wait', async () => {
    const t = createTasks(createFairLimiter(1, 60_000))
    for (let i = 0; i < 10; i++) t.add('steady')
    for (let i = 0; i < 40; i++) t.add(`new-${i}`)
    await t.finish(19)
    expect(t.begun.filter((name) => name === 'steady').length).toBeGreaterThanOrEqual(10)
  })

  test('when too many tasks wait, those of the caller with the most are refused, and its newest first', async () => {
    const t = createTasks(createFairLimiter(1, 60_000, 4))
    for (let i = 0; i < 5; i++) t.add('noisy', `noisy-${i}`)
    t.add('quiet')
    t.add('noisy', 'noisy-5')
    await t.finish(1)
    expect(t.refused.sort()).toEqual(['noisy-4 unavailable', 'noisy-5 unavailable'])
    expect(t.begun).toEqual(['noisy-0', 'quiet'])
  })

  test('a task that has waited too long is refused, and the others keep their turns', async () => {
    const t = createTasks(createFairLimiter(1, 1))
    t.add('a')
    t.add('b')
    await until(() => t.refused.length > 0)
    t.add('c')
    await t.finish(1)
    expect([t.begun, t.refused]).toEqual([['a', 'c'], ['b unavailable']])
  })

  test('as many tasks run at once as the width says, and a task that throws ends its turn', async () => {
    const t = createTasks(createFairLimiter(2, 60_000))
    for (const caller of ['a', 'b', 'c']) t.add(caller)
    expect(t.begun).toEqual(['a', 'b'])
    await t.finish(1)
    expect(t.begun).toEqual(['a', 'b', 'c'])
    const limit = createFairLimiter(1, 60_000)
    expect(await limit('a', () => Promise.reject(new Error('broken'))).catch(({ message }) => message)).toBe('broken')
    expect(await limit('a', async () => 'done')).toBe('done')
  })
})
