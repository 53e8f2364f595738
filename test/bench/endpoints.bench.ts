import { type Bench, type BenchOptions, median, printTable } from './bench'
import { sumOf } from './cpu'
import { type Candidate, compare, measure, surprises } from './load'
import { startPeer } from './peer'
import { startApi, startBareServer } from './servers'
import { COUNTING, callsOf, countHot, mostPlans } from './statements'
import { printTargets, type Result, type Standing, standingOf } from './targets'
import { type Workload, workloadsOf } from './workloads'
import { openWorld, type Place, type World, writeHistories } from './world'

const MOST_ROWS = 100_000

type Entrant = Pick<Candidate, 'url' | 'usage' | 'settle'> & { name: 'API' | 'ceiling' | 'peer'; place: Place }
/**
 * The ceiling is a bare Bun.serve with one named statement a request; the peer is what many teams would write first. Each
 * has a copy of the same PostgreSQL database.
 */
export const bench: Bench = {
  title: 'the API against the least that Bun and pg need, and against a plain Express stack',
  defaults: { connections: 32, seconds: 2 },
  async run(options) {
    const workloads = workloadsOf(options.workloads)
    const world = await openWorld(Math.min(options.rows, MOST_ROWS))
    const places = [await world.copy(), await world.copy(), await world.copy()] as const
    const [api, bare, peer] = await Promise.all([
      startApi(places[0].env),
      startBareServer(places[1].env),
      startPeer(places[2].env),
    ])
    await writeHistories(world, (path, init) => fetch(api.url + path, init))
    const entrants: Entrant[] = [
      { name: 'ceiling', url: bare.url, place: places[1], usage: places[1].usage(bare) },
      { name: 'peer', url: peer.url, place: places[2], usage: places[2].usage(peer) },
      { name: 'API', url: api.url, place: places[0], usage: places[0].usage(api), settle: places[0].settle },
    ]
    console.log(`  ${world.appointments} appointments, ${options.connections} connections, ${options.rounds} rounds`)
    console.log(`  ceiling: Bun.serve and pg; peer: Express, pg, mongoose and bcryptjs on ${peer.runtime}`)
    console.log('  CPU: milliseconds a request, the work in the background included')
    if (!COUNTING) console.log('  this PostgreSQL has no pg_stat_statements: statements and plans are not counted')
    const standings: Standing[] = []
    for (const workload of workloads) {
      const results = await runWorkload(workload, world, entrants, options)
      const standing = standingOf(workload, results)
      printTable(HEADER(workload), await Promise.all(entrants.map((entrant) => rowOf(workload, entrant, results))))
      console.log()
      standings.push(standing)
    }
    printTargets(standings)
    await Promise.all([api.stop(), bare.stop(), peer.stop()])
    await Promise.all(places.map(({ client }) => client.end()))
  },
}

async function runWorkload(
  { requests }: Workload,
  world: World,
  entrants: Entrant[],
  options: BenchOptions,
): Promise<Record<string, Result>> {
  const candidates = entrants.map((entrant) => ({ ...entrant, requests: requests(world, entrant.name === 'ceiling') }))
  const found = await compare(candidates, options)
  const results: Record<string, Result> = {}
  for (const candidate of candidates) {
    const { name, place } = candidate
    const round = { ...options, seconds: 1, first: found[name]!.next, round: options.rounds + 1 }
    results[name] = { ...found[name]!, ...(await countHot(place.client, () => measure(candidate, round))) }
  }
  return results
}

const HEADER = ({ name, title }: Workload) => [
  `${name} ${title}`,
  ...['req/s', '÷ ceiling', '÷ peer', 'p50 ms', 'p99 ms', 'CPU: server', 'PostgreSQL', 'MongoDB', 'sum', '÷ ceiling'],
  ...['plans a call', 'statements a request', ''],
]

async function rowOf({ statuses, name }: Workload, entrant: Entrant, results: Record<string, Result>) {
  const result = results[entrant.name]!
  const { ceiling, peer } = results as { ceiling: Result; peer: Result }
  const pace = (other: Result) =>
    median(result.rounds.map(({ perSecond }, round) => perSecond / other.rounds[round]!.perSecond))
  const doubles = name === 'W4' ? await doubleBookings(entrant.place) : 0
  return [
    `  ${entrant.name}`,
    result.perSecond.toFixed(),
    pace(ceiling).toFixed(2),
    pace(peer).toFixed(2),
    result.p50.toFixed(1),
    result.p99.toFixed(1),
    result.cpu.api.toFixed(2),
    result.cpu.postgres.toFixed(2),
    result.cpu.mongo.toFixed(2),
    sumOf(result.cpu).toFixed(2),
    (sumOf(result.cpu) / sumOf(ceiling.cpu)).toFixed(1),
    result.counted ? mostPlans(result.statements).toFixed(2) : '?',
    result.counted ? (callsOf(result.statements) / result.counted).toFixed(2) : '?',
    [surprises(result, ...statuses), doubles > 0 && `${doubles} double bookings`].filter(Boolean).join(', '),
  ]
}

async function doubleBookings({ client }: Place): Promise<number> {
  const { rows } = await client.query(
    `select coalesce(sum(bookings - 1), 0)::int as doubles from (
      select count(*) as bookings from appointments where status = 'booked' group by doctor_id, starts_at
    ) times where bookings > 1`,
  )
  return rows[0].doubles
}
