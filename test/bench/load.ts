import { median } from './bench'
import type { countUsage, Usage } from './cpu'
import { watchPace } from './pace'

/** Time to work off the requests that queued up while the processor was slow. */
const RECOVERY_MS = 50
let slowMoments: ReturnType<typeof watchPace> | undefined

export type Request = { method: 'GET' | 'POST'; path: string; token?: string; body?: unknown; key?: string }
/** Makes the nth request; `round` counts the measurements of a comparison. */
export type Requests = (n: number, round: number) => Request

export type Measured = {
  perSecond: number
  /** Milliseconds. */
  p50: number
  p99: number
  /** The p99 of all answers that were not in progress while, or shortly after, the processor was slow. */
  atFullPace: { p99: number; share: number }
  /** CPU milliseconds per request. */
  cpu: Usage
  requests: number
  statuses: Record<number, number>
  /** The size of the body of the last answer. */
  bytes: number
}

export type Load = {
  connections: number
  seconds: number
  /** Requests due per second over all connections; if omitted, each connection sends its next after each answer. */
  perSecond?: number
}

/**
 * Sends as many requests as fit into the time, or as fall due. The latency of a request that waits for a connection
 * counts from its due time. Speaks HTTP itself: a general client would take CPU time from the measured servers.
 */
export async function measure(
  { url, requests, usage, settle }: Candidate,
  { connections, seconds, perSecond, first, round }: Load & { first: number; round: number },
): Promise<Measured & { next: number }> {
  const usageSince = await usage?.()
  slowMoments ??= watchPace()
  const latencies: number[] = []
  const ended: number[] = []
  const statuses: Record<number, number> = {}
  let bytes = 0
  let next = first
  const began = performance.now()
  const until = began + seconds * 1000
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const client = await openClient(url)
      for (;;) {
        const n = next++
        const due = perSecond ? began + ((n - first) / perSecond) * 1000 : performance.now()
        if (due >= until) break
        const isLate = due <= performance.now()
        if (!isLate) await Bun.sleep(due - performance.now())
        const request = requests(n, round)
        const sent = isLate ? due : performance.now()
        const answer = await client.send(request)
        latencies.push(performance.now() - sent)
        ended.push(performance.timeOrigin + performance.now())
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
        bytes = answer.bytes
      }
      client.close()
    }),
  )
  const elapsed = (performance.now() - began) / 1000
  await settle?.()
  const used = await usageSince?.()
  const perRequest = (part: keyof Usage) => ((used?.[part] ?? Number.NaN) * 1000) / latencies.length
  const slow = slowMoments.filter((moment) => moment >= performance.timeOrigin + began - RECOVERY_MS)
  const undisturbed = latencies.filter((latency, i) => {
    const end = ended[i]!
    return !slow.some((moment) => end - latency - RECOVERY_MS <= moment && moment <= end)
  })
  return {
    perSecond: latencies.length / elapsed,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    atFullPace: { p99: percentile(undisturbed, 0.99), share: undisturbed.length / latencies.length },
    cpu: { api: perRequest('api'), postgres: perRequest('postgres'), mongo: perRequest('mongo') },
    requests: latencies.length,
    statuses,
    bytes,
    next,
  }
}

function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

export type Candidate = {
  name: string
  url: string
  requests: Requests
  usage?: () => ReturnType<typeof countUsage>
  /** Waits for work that the requests left to the background, so that its CPU time counts too. */
  settle?: () => Promise<void>
}

/** Medians of the rounds; `next` is the number of the first request that was not sent. */
export type Compared = Measured & { rounds: Measured[]; next: number }

/** Measures the candidates in turn, `rounds` times after a warm-up of each. */
export async function compare(
  candidates: Candidate[],
  options: Load & { rounds: number; warmUpSeconds?: number },
): Promise<Record<string, Compared>> {
  const found = candidates.map((candidate) => ({ ...candidate, rounds: [] as Measured[], next: 0 }))
  const warmUpSeconds = options.warmUpSeconds ?? Math.min(2, options.seconds)
  for (let round = 0; round <= options.rounds; round++)
    for (const candidate of found) {
      const seconds = round === 0 ? warmUpSeconds : options.seconds
      const measured = await measure(candidate, { ...options, seconds, first: candidate.next, round })
      candidate.next = measured.next
      if (round > 0) candidate.rounds.push(measured)
    }
  return Object.fromEntries(found.map(({ name, rounds, next }) => [name, { ...summarise(rounds), rounds, next }]))
}

function summarise(rounds: Measured[]): Measured {
  const statuses: Record<number, number> = {}
  for (const round of rounds)
    for (const [status, count] of Object.entries(round.statuses))
      statuses[Number(status)] = (statuses[Number(status)] ?? 0) + count
  return {
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
    p50: median(rounds.map(({ p50 }) => p50)),
    p99: median(rounds.map(({ p99 }) => p99)),
    atFullPace: {
      p99: median(rounds.map(({ atFullPace }) => atFullPace.p99)),
      share: median(rounds.map(({ atFullPace }) => atFullPace.share)),
    },
    cpu: {
      api: median(rounds.map(({ cpu }) => cpu.api)),
      postgres: median(rounds.map(({ cpu }) => cpu.postgres)),
      mongo: median(rounds.map(({ cpu }) => cpu.mongo)),
    },
    requests: rounds.reduce((total, { requests }) => total + requests, 0),
    statuses,
    bytes: rounds.at(-1)?.bytes ?? 0,
  }
}

/** The unexpected statuses, for a column or a line of the output; empty when there were none. */
export const surprises = ({ statuses }: Measured, ...expected: number[]): string =>
  Object.entries(statuses)
    .filter(([status]) => !expected.includes(Number(status)))
    .map(([status, count]) => `${count} × ${status}`)
    .join(', ')

function format({ method, path, token, body, key }: Request, host: string): string {
  const text = body === undefined ? '' : JSON.stringify(body)
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`]
  if (token) lines.push(`Authorization: Bearer ${token}`)
  if (key) lines.push(`Idempotency-Key: ${key}`)
  if (body !== undefined)
    lines.push('Content-Type: application/json', `Content-Length: ${new TextEncoder().encode(text).length}`)
  return `${lines.join('\r\n')}\r\n\r\n${text}`
}

type Answer = { status: number; bytes: number }

const LAST_CHUNK = '0\r\n\r\n'

/** One kept-alive connection; answers must have a Content-Length or chunks, and no line break in their text. */
export async function openClient(url: string) {
  const { hostname, port } = new URL(url)
  const none = Buffer.alloc(0)
  let head: Buffer = none
  let answer: Answer | undefined
  /** The length of the body; undefined when the answer ends with its last chunk. */
  let missing: number | undefined
  let tail = ''
  let settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined

  function take(chunk: Buffer): void {
    if (answer) takeBody(answer, chunk)
    else {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
      const end = head.indexOf('\r\n\r\n')
      if (end >= 0) takeHead(head.toString('latin1', 0, end), head.subarray(end + 4))
    }
  }

  function takeHead(text: string, rest: Buffer): void {
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)
    if (!length && !/\r\ntransfer-encoding: *chunked/i.test(text)) {
      fail(new Error(`an answer without Content-Length or chunks:\n${text}`))
      return
    }
    head = none
    tail = ''
    missing = length ? Number(length[1]) : undefined
    answer = { status: Number(text.slice(9, 12)), bytes: 0 }
    takeBody(answer, rest)
  }

  function takeBody(taken: Answer, chunk: Buffer): void {
    taken.bytes += chunk.length
    if (missing === undefined) {
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - LAST_CHUNK.length))).slice(-LAST_CHUNK.length)
      if (tail !== LAST_CHUNK) return
    } else if (taken.bytes < missing) return
    answer = undefined
    settle?.resolve(taken)
  }
  const fail = (error: Error) => settle?.reject(error)

  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      data: (_socket, chunk) => take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)),
      close: () => fail(new Error('the server closed a connection')),
      error: (_socket, error) => fail(error),
    },
  })
  return {
    /** After the answer to the one before. */
    send(request: Request): Promise<Answer> {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject }
        socket.write(format(request, hostname))
      })
    },
    close() {
      settle = undefined
      socket.end()
    },
  }
}
