// Watches in its own thread whether the processor runs at its usual speed: the host of a virtual machine may slow it
// down or stop it for some 20 ms, and without this check the p99 would mostly measure the host.
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { median } from './bench'
import { machineTicks } from './cpu'

const ROUNDS = 15_000
const PAUSE_MS = 1
const USUAL_OF = 500
/** This many times the usual duration is slow; only several in a row count, since a single round may be delayed. */
const SLOW = 4
const IN_A_ROW = 2
/** A pause of this length counts if the host took CPU time meanwhile; a pause for our own processes does not count. */
const LONG_PAUSE_MS = 8
const LOOK_EVERY = 50

const now = () => performance.timeOrigin + performance.now()

/** Collects from now on the moments at which the processor was slow or taken by the host, in epoch ms. */
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
