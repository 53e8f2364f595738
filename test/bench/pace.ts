// How fast the processor itself runs: on a virtual machine it may be slowed down many times over for milliseconds, which
// no count of stolen time shows, and a 99th percentile is made of nothing else. In a thread of its own.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { median } from './bench'

const ROUNDS = 15_000
const PAUSE_MS = 1
const USUAL_OF = 500
/** So many times as long as usual is slow; one alone may have been put off by others. */
const SLOW = 4
const IN_A_ROW = 2

const now = () => performance.timeOrigin + performance.now()

/** From now on: when the processor was slow, epoch ms, ascending. */
export function watchPace(): readonly number[] {
  const slowMoments: number[] = []
  new Worker(new URL(import.meta.url)).on('message', (moment: number) => void slowMoments.push(moment))
  return slowMoments
}

function workFor(): number {
  const began = performance.now()
  let sum = 0
  for (let i = 0; i < ROUNDS; i++) sum ^= i
  return sum === -1 ? 0 : performance.now() - began
}

if (!isMainThread) {
  const bell = new Int32Array(new SharedArrayBuffer(4))
  let recent: number[] = []
  let usual = Number.POSITIVE_INFINITY
  let inARow = 0
  for (;;) {
    Atomics.wait(bell, 0, 0, PAUSE_MS)
    const took = workFor()
    recent.push(took)
    if (recent.length === USUAL_OF) {
      usual = median(recent)
      recent = []
    }
    inARow = took > SLOW * usual ? inARow + 1 : 0
    if (inARow >= IN_A_ROW) parentPort!.postMessage(now())
  }
}
