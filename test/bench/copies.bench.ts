import { readFileSync } from 'node:fs'
import { freePort } from '../support/ports'
import { type Bench, type BenchOptions, median, printTable } from './bench'
import { processSeconds, sumOf } from './cpu'
import { type Measured, measure, surprises } from './load'
import { startNginx } from './nginx'
import { type Server, startApi } from './servers'
import { callsOf, countHot } from './statements'
import { WORKLOADS, type Workload, workloadsOf } from './workloads'
import { openWorld, type Place, type World } from './world'

const MOST_ROWS = 100_000
const COPIES = [1, 2, 4]

type Arrangement = { name: string; url: string; copies: Server[]; proxy?: Server }

/**
 * Copies share the databases only: each has its own limiters, caches and batches, so with more copies fewer requests share a
 * statement. PostgreSQL and the load run on the same machine, and four copies have four times the connections.
 */
export const bench: Bench = {
  title: 'one, two and four copies on this machine, on one port and behind nginx',
  defaults: { connections: 32, seconds: 2, rounds: 3 },
  async run(options) {
    const workloads = workloadsOf(
      options.workloads,
      WORKLOADS.filter(({ name }) => name !== 'W6'),
    )
    const world = await openWorld(Math.min(options.rows, MOST_ROWS))
    const place = await world.copy()
    /** By workload: no booking is sent twice. */
    const next = new Map<string, number>()
    const rows = new Map<string, string[][]>(workloads.map(({ name }) => [name, []]))
    for (const [i, start] of [sharedPort, behindNginx].entries())
      for (const copies of COPIES) {
        const arrangement = await start(place.env, copies)
        if (!arrangement) break
        const round = 1 + (i * COPIES.length + COPIES.indexOf(copies)) * (options.rounds + 2)
        for (const workload of workloads)
          rows.get(workload.name)!.push(await rowOf(workload, { world, place, arrangement, options, next, round }))
        await Promise.all(
          [...arrangement.copies, ...(arrangement.proxy ? [arrangement.proxy] : [])].map((s) => s.stop()),
        )
      }
    for (const { name, title } of workloads) {
      printTable([`${name} ${title}`, ...HEADER], rows.get(name)!)
      console.log()
    }
    await place.client.end()
  },
}

const HEADER = [
  ...['req/s', 'p50 ms', 'p99 ms', 'CPU: copies', 'nginx', 'PostgreSQL', 'MongoDB', 'sum', 'busiest copy'],
  ...['statements a request', ''],
]

async function sharedPort(env: Record<string, string>, count: number): Promise<Arrangement> {
  const port = freePort()
  const copies: Server[] = []
  for (let i = 0; i < count; i++) {
    copies.push(await startApi({ ...env, PORT: String(port), REUSE_PORT: 'on' }))
    // The first copy answers for all: each is ready when it listens too.
    while (listeners(port) < copies.length) await Bun.sleep(20)
  }
  return { name: `${count} on one port`, url: copies[0]!.url, copies }
}

async function behindNginx(env: Record<string, string>, count: number): Promise<Arrangement | undefined> {
  const copies = await Promise.all(Array.from({ length: count }, () => startApi(env)))
  const proxy = await startNginx(copies)
  if (proxy) return { name: `${count} behind nginx`, url: proxy.url, copies, proxy }
  await Promise.all(copies.map((copy) => copy.stop()))
  return undefined
}

/** Sockets that listen on this port; Linux only, as is sharing a port. */
function listeners(port: number): number {
  const hex = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const [, ...sockets] = readFileSync('/proc/net/tcp', 'utf8').split('\n')
  return sockets.filter((line) => {
    const [, local, , state] = line.trim().split(/ +/)
    return local?.endsWith(hex) && state === '0A'
  }).length
}

type Setting = {
  world: World
  place: Place
  arrangement: Arrangement
  options: BenchOptions
  next: Map<string, number>
  round: number
}

async function rowOf({ name, requests, statuses }: Workload, setting: Setting): Promise<string[]> {
  const { world, place, arrangement, options, next } = setting
  const { url, copies, proxy } = arrangement
  const candidate = { name, url, requests: requests(world, false), usage: place.usage(...copies), settle: place.settle }
  let { round } = setting
  const run = async (seconds = options.seconds) => {
    const measured = await measure(candidate, { ...options, seconds, first: next.get(name) ?? 0, round: round++ })
    next.set(name, measured.next)
    return measured
  }
  // Each copy has its own code to compile.
  await run(Math.min(2, options.seconds) * copies.length)
  const rounds: (Measured & { proxy: number; busiest: number })[] = []
  for (let i = 0; i < options.rounds; i++) {
    const secondsOf = (servers: Server[]) => servers.map(({ pid }) => processSeconds(pid))
    const before = secondsOf(proxy ? [...copies, proxy] : copies)
    const measured = await run()
    const used = secondsOf(proxy ? [...copies, proxy] : copies).map((seconds, nth) => seconds - before[nth]!)
    const own = used.slice(0, copies.length)
    rounds.push({
      ...measured,
      proxy: proxy ? (used.at(-1)! * 1000) / measured.requests : 0,
      busiest: Math.max(...own) / own.reduce((sum, seconds) => sum + seconds),
    })
  }
  const { statements, counted } = await countHot(place.client, () => run(1))
  const middle = (value: (measured: (typeof rounds)[number]) => number) => median(rounds.map(value))
  return [
    `  ${arrangement.name}`,
    middle(({ perSecond }) => perSecond).toFixed(),
    middle(({ p50 }) => p50).toFixed(1),
    middle(({ p99 }) => p99).toFixed(1),
    middle(({ cpu }) => cpu.api).toFixed(2),
    proxy ? middle((measured) => measured.proxy).toFixed(2) : '',
    middle(({ cpu }) => cpu.postgres).toFixed(2),
    middle(({ cpu }) => cpu.mongo).toFixed(2),
    middle((measured) => sumOf(measured.cpu) + measured.proxy).toFixed(2),
    `${(middle(({ busiest }) => busiest) * 100).toFixed()} %`,
    counted ? (callsOf(statements) / counted).toFixed(2) : '?',
    rounds.map((measured) => surprises(measured, ...statuses)).find(Boolean) ?? '',
  ]
}
