import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Bench, printTable } from './bench'
import { sumOf } from './cpu'
import { measure, surprises } from './load'
import { type Profile, type Share, sharesOf } from './profile'
import { ROOT, startApi } from './servers'
import { countHot, printStatements } from './statements'
import { MORE_WORKLOADS, WORKLOADS, type Workload, workloadsOf } from './workloads'
import { openWorld, type World, writeHistories } from './world'

const ROWS = 100_000
const FOLDER = join(ROOT, '.data/profiles')
const LINES = 25

/** The profile is opened by any tool that reads .cpuprofile files, such as the developer tools of Chromium. */
export const bench: Bench = {
  title: 'where the CPU time of the API goes',
  defaults: { connections: 32, seconds: 5 },
  async run({ workloads, rows, connections, seconds }) {
    const world = await openWorld(Math.min(rows, ROWS))
    for (const workload of workloadsOf(workloads, [...WORKLOADS, ...MORE_WORKLOADS]))
      await profile(workload, world, { connections, seconds })
  },
}

async function profile({ name, title, requests, statuses }: Workload, world: World, load: Load): Promise<void> {
  const folder = join(FOLDER, name)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const place = await world.copy()
  const api = await startApi(place.env, '--cpu-prof', `--cpu-prof-dir=${folder}`)
  if (name === 'W6') await writeHistories(world, (path, init) => fetch(api.url + path, init))
  const candidate = {
    name,
    url: api.url,
    requests: requests(world, false),
    usage: place.usage(api),
    settle: place.settle,
  }
  const warm = await measure(candidate, { ...load, seconds: 3, first: 0, round: 0 })
  const from = Date.now() * 1000
  const found = await measure(candidate, { ...load, first: warm.next, round: 1 })
  const until = Date.now() * 1000
  const last = { ...load, seconds: 1, first: found.next, round: 2 }
  const { statements, counted } = await countHot(place.client, () => measure(candidate, last))
  await api.stop()
  await place.client.end()

  // The engine names the file by the time; a second one belongs to a worker.
  const written = join(folder, readdirSync(folder).sort()[0]!)
  const file = `${folder}.cpuprofile`
  renameSync(written, file)
  rmSync(folder, { recursive: true })
  const { files, functions, ms } = sharesOf(JSON.parse(readFileSync(file, 'utf8')) as Profile, ROOT, [from, until])
  const { cpu } = found
  console.log(
    `  ${name} ${title}: ${found.perSecond.toFixed()} a second; CPU ms a request: ${sumOf(cpu).toFixed(2)} ` +
      `(API ${cpu.api.toFixed(2)}, PostgreSQL ${cpu.postgres.toFixed(2)}, MongoDB ${cpu.mongo.toFixed(2)}), ` +
      `profiling included ${surprises(found, ...statuses)}\n`,
  )
  printShares('file or package', files, ms)
  printShares('function', functions, ms)
  printStatements(statements, counted)
  console.log(`\n  ${file}\n`)
}

type Load = { connections: number; seconds: number }

function printShares(what: string, shares: Share[], ms: number): void {
  const percent = (part: number) => `${((part / ms) * 100).toFixed(1)} %`
  printTable(
    [what, 'self', 'with what it calls'],
    shares.slice(0, LINES).map(({ name, selfMs, totalMs }) => [name, percent(selfMs), percent(totalMs)]),
  )
  console.log()
}
