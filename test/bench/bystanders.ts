import type { Attack } from './attack'

const PER_SECOND = 50
const BETWEEN_MS = 5

/** The p99 in milliseconds of GET /health/live, while another process sends the bad requests in turn, 50 a second. */
export async function watchOthers(url: string, seconds: number, requests: Attack['requests'] = []): Promise<number> {
  const attack = requests.length > 0 ? startAttack({ perSecond: PER_SECOND, requests }) : undefined
  const latencies: number[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const began = performance.now()
    await (await fetch(`${url}/health/live`)).text()
    latencies.push(performance.now() - began)
    await Bun.sleep(BETWEEN_MS)
  }
  attack?.kill()
  await attack?.exited
  const sorted = latencies.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN
}

function startAttack(attack: Attack): Bun.Subprocess {
  const file = new URL('./attack.ts', import.meta.url).pathname
  const stdin = new Blob([JSON.stringify(attack)])
  return Bun.spawn([process.execPath, file], { stdin, stdout: 'ignore', stderr: 'inherit' })
}
