import { describe, expect, test } from 'bun:test'
import { runTasks } from '../../src/repeating-tasks'

const soon = () => 0
const never = () => 3_600_000

function recordingLog() {
  const lines: string[] = []
  const note = (level: string) => (_fields: object, message: string) => {
    lines.push(`${level}: ${message}`)
  }
  return { lines, log: { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') } }
}

describe('repeating tasks', () => {
  test('a repeating task that fails is logged once, however often it fails, and once when it works again', async () => {
    const { lines, log } = recordingLog()
    const { promise: recovered, resolve } = Promise.withResolvers<void>()
    let runs = 0
    const run = async () => {
      if (++runs <= 2) throw new Error('database down')
      if (runs === 4) resolve()
      return 1
    }
    const tasks = runTasks(log, [{ name: 'failing', run, pause: soon }])
    await recovered
    await tasks.stop()
    expect(lines).toEqual(['warn: a repeating task fails and is retried', 'info: a repeating task works again'])
  })

  test('a repeating task that fails or hangs does not delay another', async () => {
    const { promise: reached, resolve } = Promise.withResolvers<void>()
    const { promise: hanging, resolve: release } = Promise.withResolvers<number>()
    let runs = 0
    const tasks = runTasks(recordingLog().log, [
      { name: 'failing', run: () => Promise.reject(new Error('always')), pause: soon },
      { name: 'hanging', run: () => hanging, pause: soon },
      {
        name: 'working',
        run: async () => {
          if (++runs === 20) resolve()
          return 1
        },
        pause: soon,
      },
    ])
    await reached
    release(0)
    await tasks.stop()
  })

  test('stopping repeating tasks ends their pauses, waits for running ones and starts no more', async () => {
    const { promise: work, resolve: finish } = Promise.withResolvers<number>()
    const events: string[] = []
    const tasks = runTasks(recordingLog().log, [
      { name: 'sleeping', run: async () => 0, pause: never },
      {
        name: 'working',
        run: async () => {
          events.push('begun')
          await work
          events.push('ended')
          return 1
        },
        pause: soon,
      },
    ])
    await Promise.resolve()
    const stopped = tasks.stop().then(() => events.push('stopped'))
    finish(1)
    await stopped
    expect(events).toEqual(['begun', 'ended', 'stopped'])
  })

  test('the pause of a repeating task depends on its last result and on the number of idle runs', async () => {
    const seen: [number, number][] = []
    const { promise: enough, resolve } = Promise.withResolvers<void>()
    const results = [3, 0, 0, 5, 0]
    const tasks = runTasks(recordingLog().log, [
      {
        name: 'paced',
        run: async () => results[seen.length] ?? 0,
        pause: (done, idle) => {
          seen.push([done, idle])
          if (seen.length < results.length) return 0
          resolve()
          return never()
        },
      },
    ])
    await enough
    await tasks.stop()
    expect(seen).toEqual([
      [3, 0],
      [0, 1],
      [0, 2],
      [5, 0],
      [0, 1],
    ])
  })
})
