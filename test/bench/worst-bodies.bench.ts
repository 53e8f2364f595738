import { type WorstShape, worstShapes } from '../contract/worst-shapes'
import { apiDocument, routesOf } from '../support/api-document'
import { createDatabases } from '../support/databases'
import { type Bench, median, printTable } from './bench'
import { watchOthers } from './bystanders'
import { costOf, sendBad } from './refusals'
import { environmentOf, startApi } from './servers'
import { callOf, createAttacker } from './strangers'

const MiB = 1024 * 1024
const KiB = 1024
/** How many of a route's shapes are measured exactly, after a quick look at all. */
const CANDIDATES = 4
/** Requests of each shape before it is looked at and before it is measured: the compiler's work is no cost of a refusal. */
const [WARM_LOOK, WARM_MEASURE] = [20, 150]
const LOOKS = 5
/** Of so many rounds of so many requests the median counts, since one may hold work for others, such as a collection. */
const [ROUNDS, IN_A_ROUND] = [5, 20]
/** A larger upload fifty times a second would measure the network. */
const MIXED_UPLOAD_BYTES = MiB

export const bench: Bench = {
  title: 'CPU of refusing the worst bodies once the code is warm, and what others notice of 50 of them a second',
  defaults: { seconds: 10 },
  async run({ seconds, only }) {
    const env = { ...environmentOf(await createDatabases()), LOG_LEVEL: 'error', CARD_PROVIDER: 'stripe' }
    const stripe = { STRIPE_SECRET_KEY: `sk_test_${'x'.repeat(24)}`, STRIPE_WEBHOOK_SECRETS: `whsec_${'y'.repeat(32)}` }
    const document = await apiDocument()
    const attacker = await createAttacker({ ...env, ...stripe })
    const server = await startApi({ ...env, ...stripe })
    const rows: string[][] = []
    const late: string[] = []
    const routes = routesOf(document)
      .filter(({ operation }) => operation.requestBody)
      .map((route) => ({ route, name: `${route.method} ${route.path}` }))
    for (const { route, name } of routes.filter(({ name }) => only === undefined || name.includes(only))) {
      const shapes = [...worstShapes(document, route, callOf(route))]
      const headers = await attacker.headersOf(route)
      const send = (shape: WorstShape) => sendBad(server.url, route.method, shape, headers)
      const { shape, ms } = await findWorst(server.pid, send, shapes)
      const target = targetOf(route.operation['x-max-body-bytes'], shape)
      const p99s =
        seconds > 0 ? await compareOthers(server.url, seconds, { method: route.method, shapes, headers }) : undefined
      const allowed = p99s && p99s.calm + 3 * ms
      if (p99s && allowed && p99s.attacked > allowed) late.push(name)
      const cells = [p99s?.calm, p99s?.attacked, allowed].map((value) => value?.toFixed(1) ?? '-')
      rows.push([name, shape.name, ms.toFixed(2), `${target.toFixed(1)}${ms > target ? ' !' : ''}`, ...cells])
      console.log(`  ${rows.at(-1)!.join('  ')}`)
    }
    console.log()
    const header = ['route', 'its most expensive shape', 'CPU ms', 'target', 'calm p99 ms', 'p99 ms', 'at most']
    printTable(header, rows)
    console.log(
      `\n  the worst shape of a route costs ${median(rows.map((row) => Number(row[2]))).toFixed(2)} ms in the median`,
    )
    const over = rows.filter((row) => row[3]!.endsWith('!')).length
    console.log(`\n  ${over} of ${rows.length} routes over the target of CPU; ${late.length} over the p99 allowed`)
    await Promise.all([server.stop(), attacker.close()])
  },
}

type Send = (shape: WorstShape) => Promise<void>

async function findWorst(pid: number, send: Send, shapes: WorstShape[]): Promise<{ shape: WorstShape; ms: number }> {
  for (const shape of shapes) await warm(send, shape, WARM_LOOK)
  const looked: { shape: WorstShape; ms: number }[] = []
  for (const shape of shapes) looked.push({ shape, ms: await costOf(pid, () => send(shape), LOOKS) })
  const candidates = looked.toSorted((a, b) => b.ms - a.ms).slice(0, CANDIDATES)
  const measured: typeof looked = []
  for (const { shape } of candidates) {
    await warm(send, shape, WARM_MEASURE)
    const rounds: number[] = []
    for (let i = 0; i < ROUNDS; i++) rounds.push(await costOf(pid, () => send(shape), IN_A_ROUND))
    measured.push({ shape, ms: median(rounds) })
  }
  return measured.toSorted((a, b) => b.ms - a.ms)[0]!
}

/** Uploads need fewer: their loops run often enough within one. */
async function warm(send: Send, shape: WorstShape, times: number): Promise<void> {
  const enough = typeof shape.body === 'string' ? times : times / 10
  for (let i = 0; i < enough; i++) await send(shape)
}

/** Milliseconds of CPU: 2 for a body of up to 64 KiB, 10 for a larger one, 2 for each MiB of an upload. */
function targetOf(limit: number | undefined, { body }: WorstShape): number {
  if (typeof body !== 'string') return Math.max(2, (2 * body.length) / MiB)
  return (limit ?? 0) > 64 * KiB ? 10 : 2
}

type Attacked = { method: string; shapes: WorstShape[]; headers: Record<string, string> }

/** The p99 of others without and then with the attack. */
async function compareOthers(url: string, seconds: number, { method, shapes, headers }: Attacked) {
  const requests = shapes.map(({ address, body, type }) => ({
    url: url + address,
    method,
    body: Buffer.from(body).subarray(0, MIXED_UPLOAD_BYTES).toString('base64'),
    headers: { ...headers, 'content-type': type },
  }))
  const calm = await watchOthers(url, seconds)
  return { calm, attacked: await watchOthers(url, seconds, requests) }
}
