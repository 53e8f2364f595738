// Whether the processor itself runs as it usually does: on a virtual machine it may be slowed down many times over, or given
// to others, for some twenty milliseconds, and a 99th percentile is made of nothing else. Looked at in a thread of its own.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { median } from './bench'
import { machineTicks } from './cpu'

const ROUNDS = 15_000
const PAUSE_MS = 1
const USUAL_OF = 500
/** So many times as long as usual is slow; one alone may have been put off by others. */
const SLOW = 4
const IN_A_ROW = 2
/** So long a pause counts if the host ran something else meanwhile: waiting for one's turn among our own does not. */
const LONG_PAUSE_MS = 8
const LOOK_EVERY = 50

const now = () => performance.timeOrigin + performance.now()

/** From now on: when the processor was slow or given to others, epoch ms. */
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
  const tell = (moment: number) => parentPort!.postMessage(moment)
  const bell = new Int32Array(new SharedArrayBuffer(4))
  let recent: number[] = []
  let usual = Number.POSITIVE_INFINITY
  let inARow = 0
  let { stolen } = machineTicks()
  let ended = now()
  for (let n = 0; ; n++) {
    Atomics.wait(bell, 0, 0, PAUSE_MS)
    if (now() - ended > LONG_PAUSE_MS || n % LOOK_EVERY === 0) {
      const ticks = machineTicks()
      if (now() - ended > LONG_PAUSE_MS && ticks.stolen > stolen) for (const at of [ended, now()]) tell(at)
      stolen = ticks.stolen
    }
    const took = workFor()
    ended = now()
    recent.push(took)
    if (recent.length === USUAL_OF) {
      usual = median(recent)
      recent = []
    }
    inARow = took > SLOW * usual ? inARow + 1 : 0
    if (inARow >= IN_A_ROW) tell(ended)
  }
}
