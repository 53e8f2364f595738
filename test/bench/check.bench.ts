import { join } from 'node:path'
import { createApp } from '../../src/app'
import { verifyAccessToken } from '../../src/auth/sessions/tokens'
import { readConfig } from '../../src/config'
import { closeDeps, openDeps } from '../../src/open-deps'
import { startCountingProxy, type Traffic } from '../support/counting-proxy'
import { type Bench, printTable } from './bench'
import { type Count, type Counts, differences, type Expected } from './expected'
import type { Request as Sent } from './load'
import { COUNTING, callsOf, countStatements, printStatements, type Statement } from './statements'
import { MORE_WORKLOADS, WORKLOADS, type Workload, workloadsOf } from './workloads'
import { openWorld, type Place, type World, writeHistories } from './world'

const FILE = join(import.meta.dir, 'expected.json')
const ROWS = 10_000
/**
 * PostgreSQL plans the first five runs of a prepared statement on each connection anew, and the sixth twice. Only runs after
 * that are counted.
 */
const WARM_UP = { alone: 24, turns: 8 }
const ALONE = 20
const TOGETHER = 32
const TURNS = 5

/** The only bench that can fail. It counts, and measures no time, so that it says the same on every machine. */
export const bench: Bench = {
  title: 'what each hot path asks of PostgreSQL, against test/bench/expected.json',
  async run({ workloads, write }) {
    if (!COUNTING) throw new Error('this PostgreSQL has no pg_stat_statements')
    const world = await openWorld(ROWS)
    const place = await world.copy()
    const api = await openApi(world, place)
    await writeHistories(world, (path, init) => api.send(new Request(`http://localhost${path}`, init)))

    const file = Bun.file(FILE)
    const isRenewed = write && workloads.length === 0
    // A file that is renewed as a whole may hold the marks of a merge conflict.
    const expected: Expected = !isRenewed && (await file.exists()) ? await file.json() : {}
    const found: Expected = {}
    const complaints: string[] = []
    const cheaper: string[] = []
    for (const workload of workloadsOf(workloads, [...WORKLOADS, ...MORE_WORKLOADS])) {
      const { counts, statements, requests } = await countWorkload(workload, world, place, api)
      found[workload.name] = counts
      const usual = expected[workload.name]
      if (usual && differences(counts, usual).length > 0) cheaper.push(workload.name)
      const worse = write ? [] : differences(usual, counts)
      if (worse.length === 0) continue
      complaints.push(...worse.map((line) => `${workload.name} ${workload.title}: ${line}`))
      console.log(`  ${workload.name} ${workload.title}, one at a time:`)
      printStatements(statements, requests)
      console.log()
    }
    print(found)
    if (write) await Bun.write(FILE, `${JSON.stringify({ ...expected, ...found }, null, 2)}\n`)
    else if (cheaper.length > 0)
      console.log(`  cheaper than expected: ${cheaper.join(', ')}; bun run bench check --write keeps the gain`)
    for (const complaint of complaints) console.log(`  ${complaint}`)
    if (complaints.length > 0) {
      console.log('  If this is intended: bun run bench check --write')
      process.exitCode = 1
    }
    await api.close()
    await place.client.end()
  },
}

type Api = Awaited<ReturnType<typeof openApi>>

/** In this process and without repeating tasks, so that all that is counted belongs to requests. */
async function openApi({ config }: World, { env }: Place) {
  const proxy = await startCountingProxy(config.postgres)
  const through = { POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: String(proxy.port) }
  const deps = openDeps(readConfig({ ...env, ...through }))
  // Without the check of ended sessions, whose queries come at times of their own.
  deps.authenticate = async (token) => (await verifyAccessToken(config, token)).caller
  await deps.mongo.ready()
  const app = createApp(deps)
  return {
    traffic: proxy.traffic,
    async send(request: Request): Promise<Response> {
      const answer = await app.fetch(request, { peerAddress: '127.0.0.1' })
      return new Response(await answer.text(), answer)
    },
    async close() {
      await closeDeps(deps)
      proxy.close()
    },
  }
}

async function countWorkload({ requests, slow, statuses, name }: Workload, world: World, place: Place, api: Api) {
  const request = requests(world, false)
  let next = 0
  const send = async (round: number) => {
    const { status } = await api.send(toRequest(request(next++, round)))
    if (!statuses.includes(status)) throw new Error(`${name} was answered with ${status}`)
  }
  const alone = async (times: number) => {
    for (let i = 0; i < times; i++) await send(0)
  }
  const together = async (times: number) => {
    for (let i = 0; i < times; i++) await Promise.all(Array.from({ length: TOGETHER }, () => send(1)))
  }
  await alone(WARM_UP.alone)
  const one = await count(place, api.traffic, ALONE, () => alone(ALONE))
  const counts: Counts = { alone: one.count }
  if (!slow) {
    await together(WARM_UP.turns)
    counts.together = (await count(place, api.traffic, TOGETHER * TURNS, () => together(TURNS))).count
  }
  return { counts, statements: one.statements, requests: ALONE }
}

async function count(
  { client }: Place,
  traffic: Traffic,
  requests: number,
  work: () => Promise<void>,
): Promise<{ count: Count; statements: Statement[] }> {
  const before = { ...traffic }
  const statements = await countStatements(client, work)
  const plans = statements.reduce((sum, { plans }) => sum + plans, 0)
  const each = (total: number) => Number((total / requests).toFixed(2))
  return {
    statements,
    count: {
      roundTrips: each(traffic.roundTrips - before.roundTrips),
      statements: each(callsOf(statements)),
      plans: each(plans),
      bytes: Math.round((traffic.bytesSent - before.bytesSent) / requests),
    },
  }
}

function toRequest({ method, path, token, key, body }: Sent): Request {
  return new Request(`http://localhost${path}`, {
    method,
    headers: {
      ...(token && { authorization: `Bearer ${token}` }),
      ...(key && { 'idempotency-key': key }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
}

function print(found: Expected): void {
  const row = (name: string, { roundTrips, statements, plans, bytes }: Count) => [
    name,
    ...[roundTrips, statements, plans].map((value) => value.toFixed(2)),
    String(bytes),
  ]
  printTable(
    ['a request', 'round trips', 'statements', 'plans', 'bytes sent'],
    Object.entries(found).flatMap(([name, { alone, together }]) => [
      row(`${name} alone`, alone),
      ...(together ? [row(`${name} ${TOGETHER} at once`, together)] : []),
    ]),
  )
}
