import type { Role } from '../../src/actor'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { readConfig } from '../../src/config'
import { closeDeps, openDeps } from '../../src/open-deps'
import { type WorstShape, worstShapes } from '../contract/worst-shapes'
import { apiDocument, type Route, routesOf } from '../support/api-document'
import { createDatabases } from '../support/databases'
import { createFactories } from '../support/factories'
import { type Bench, median, printTable } from './bench'
import { environmentOf, startApi } from './servers'

const REPEATS = 5
const PER_SECOND = 50
const MiB = 1024 * 1024

export const bench: Bench = {
  title: 'the cost of refusing the worst bodies, and what others notice of 50 of them a second',
  seconds: 10,
  async run({ seconds }) {
    const env = { ...environmentOf(await createDatabases()), LOG_LEVEL: 'error', CARD_PROVIDER: 'stripe' }
    const stripe = { STRIPE_SECRET_KEY: `sk_test_${'x'.repeat(24)}`, STRIPE_WEBHOOK_SECRETS: `whsec_${'y'.repeat(32)}` }
    const all = { ...env, ...stripe }
    const config = readConfig(all)
    const deps = openDeps(config)
    const tokens = await signIn(deps)
    const app = createApp(deps)
    await deps.mongo.ready()
    const document = await apiDocument()
    const server = await startApi(all)
    const alone = await watchOthers(server.url, seconds)
    const rows: string[][] = []
    for (const route of routesOf(document).filter(({ operation }) => operation.requestBody)) {
      const headers = headersOf(route, tokens)
      let worst: { shape: WorstShape; ms: number } | undefined
      for (const shape of worstShapes(document, route, callOf(route))) {
        const ms = await costOf((request) => app.fetch(request), route, shape, headers)
        if (!worst || ms > worst.ms) worst = { shape, ms }
      }
      if (!worst) continue
      const { shape, ms } = worst
      const others = await watchOthers(server.url, seconds, { method: route.method, shape: shortened(shape), headers })
      console.log(`  ${route.method} ${route.path}: ${ms.toFixed(2)} ms, ${shape.name}`)
      rows.push([
        `${route.method} ${route.path}`,
        shape.name,
        ms.toFixed(2),
        ...[others.p50, others.p99].map((value) => value.toFixed(1)),
      ])
    }
    printTable(['route', 'its most expensive shape', 'CPU ms', 'others p50 ms', 'others p99 ms'], rows)
    console.log(`\n  others without any load: p50 ${alone.p50.toFixed(1)} ms, p99 ${alone.p99.toFixed(1)} ms`)
    await Promise.all([server.stop(), closeDeps(deps)])
  },
}

type Headers = Record<string, string>

async function signIn(deps: ReturnType<typeof openDeps>): Promise<Record<Role, string>> {
  const make = createFactories(deps)
  const sign = (actor: Parameters<typeof signAccessToken>[1]) => signAccessToken(deps.config, actor, new Date())
  const [patient, doctor, admin] = [
    await make.newPatient(),
    await make.newDoctor({ clinicId: (await make.newClinic()).id }),
    await make.newAdmin(),
  ]
  return { patient: await sign(patient.actor), doctor: await sign(doctor.actor), admin: await sign(admin) }
}

function headersOf({ operation }: Route, tokens: Record<Role, string>): Headers {
  const { 'x-roles': roles } = operation
  if (roles === 'public') return { 'stripe-signature': `t=${Math.floor(Date.now() / 1000)},v1=${'0'.repeat(64)}` }
  return { authorization: `Bearer ${tokens[typeof roles === 'string' ? 'patient' : roles[0]!]}` }
}

/** A body is refused before anything is looked up, so any ids do. */
function callOf({ operation }: Route) {
  const path = Object.fromEntries(
    (operation.parameters ?? [])
      .filter((parameter) => parameter.in === 'path')
      .map(({ name, schema }) => [name, schema.format === 'uuid' ? crypto.randomUUID() : exampleOf(schema)]),
  )
  const media = operation.requestBody?.content['application/json']
  return { path, body: (media?.example ?? {}) as Record<string, unknown> }
}

const exampleOf = ({ example }: Record<string, unknown>) =>
  example === undefined ? crypto.randomUUID() : String(example)

/** Milliseconds of CPU for one refusal; the median of several. */
async function costOf(
  send: (request: Request) => Promise<Response> | Response,
  { method }: Route,
  { address, body, type }: WorstShape,
  headers: Headers,
): Promise<number> {
  const once = async () => {
    const url = `http://localhost${address}`
    const request = new Request(url, { method, body, headers: { ...headers, 'content-type': type } })
    const before = process.cpuUsage()
    const response = await send(request)
    const { user, system } = process.cpuUsage(before)
    if (response.status < 400 || response.status >= 500)
      console.log(`  unexpected: ${method} ${address} ${response.status}`)
    await response.text()
    return (user + system) / 1000
  }
  const times: number[] = []
  for (let i = 0; i < REPEATS + 2; i++) times.push(await once())
  return median(times.slice(2))
}

/** Fifty uploads of 10 MiB a second would measure the network. */
const shortened = (shape: WorstShape): WorstShape =>
  typeof shape.body === 'string' ? shape : { ...shape, body: shape.body.slice(0, MiB) }

type Attack = { method: string; shape: WorstShape; headers: Headers }

/** Milliseconds that GET /health/live takes while 50 refusals a second are asked for in another thread. */
async function watchOthers(url: string, seconds: number, attack?: Attack): Promise<{ p50: number; p99: number }> {
  const worker = attack && new Worker(new URL('./attack.ts', import.meta.url))
  worker?.postMessage({ url, perSecond: PER_SECOND, ...attack })
  const latencies: number[] = []
  const end = performance.now() + seconds * 1000
  while (performance.now() < end) {
    const began = performance.now()
    await (await fetch(`${url}/health/live`)).text()
    latencies.push(performance.now() - began)
    await Bun.sleep(10)
  }
  worker?.terminate()
  const sorted = latencies.toSorted((a, b) => a - b)
  return { p50: median(latencies), p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN }
}
