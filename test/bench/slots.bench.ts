import pg from 'pg'
import { addDays } from '../../src/scheduling/local-time'
import { createDatabases } from '../support/databases'
import { type Bench, type BenchOptions, printTable } from './bench'
import { type Calendar, fillCalendar } from './calendar'
import { countUsage, watchMachine } from './cpu'
import { type Candidate, compare, type Measured, type Requests, surprises } from './load'
import { environmentOf, startApi, startBareServer } from './servers'

const FEW = 10_000
/** Time until the runtime has compiled all code of a search. */
const WARM_UP_SECONDS = 20
const TARGETS = {
  doctor: '31 days of one doctor: p99 < 15 ms, and at most 1.3 times the cost of the small table',
  clinic: '7 days of 100 doctors: < 60 ms',
}

export const bench: Bench = {
  title: 'slot search in a small and in a large table of appointments',
  async run(options) {
    console.log(`  targets on 2 idle cores: ${TARGETS.doctor}; ${TARGETS.clinic}\n`)
    const steady = (perSecond: number) => ({ ...options, perSecond })
    const small = await openWorld(FEW)
    const large = await openWorld(options.rows)
    const ceiling = await startBareServer(large.env)
    const bare = {
      name: 'bare Bun.serve and pg',
      url: ceiling.url,
      usage: () => countUsage({ pids: [ceiling.pid], client: large.client }),
    }
    await compareSearch('GET /doctors/{id}/slots, 31 days', small, large, slotsOfDoctor, steady(500), [bare])
    await ceiling.stop()
    const oneDay = (world: Calendar) => slotsOfDoctor(world, 1)
    await compareSearch('GET /doctors/{id}/slots, 1 day', small, large, oneDay, steady(500))
    if (await answers(small, slotsOfClinic(small.calendar)))
      await compareSearch('GET /slots, 100 doctors × 7 days', small, large, slotsOfClinic, steady(20))
    else console.log('  GET /slots does not exist: not measured')
    await Promise.all([small.close(), large.close()])
  },
}

type World = Awaited<ReturnType<typeof openWorld>>

async function openWorld(rows: number) {
  const databases = await createDatabases()
  const began = performance.now()
  const calendar = await fillCalendar(databases, rows)
  const seconds = ((performance.now() - began) / 1000).toFixed()
  console.log(
    `  filled in ${seconds} s: ${count(calendar.appointments)} appointments of ${calendar.doctors.length} doctors`,
  )
  const env = environmentOf(databases)
  const api = await startApi(env)
  const client = new pg.Client(databases.postgres)
  await client.connect()
  return {
    calendar,
    api,
    env,
    client,
    usage: () => countUsage({ pids: [api.pid], client }),
    async close() {
      await api.stop()
      await client.end()
    },
  }
}

const count = (value: number) => value.toLocaleString('en')
const today = () => new Date().toISOString().slice(0, 10)
/** Chooses items far apart in the table, and all equally often. */
const spread = <T>(all: T[], n: number): T => all[(n * 7919) % all.length]!

function slotsOfDoctor({ doctors }: Calendar, days = 31): Requests {
  const range = `from=${today()}&to=${addDays(today(), days - 1)}`
  return (n) => ({ method: 'GET', path: `/doctors/${spread(doctors, n).id}/slots?${range}` })
}

function slotsOfClinic({ doctors }: Calendar): Requests {
  const range = `from=${today()}&to=${addDays(today(), 6)}`
  return (n) => {
    const { clinicId, specialization } = spread(doctors, n)
    return { method: 'GET', path: `/slots?specialization=${specialization}&clinicId=${clinicId}&${range}` }
  }
}

async function answers({ api }: World, requests: Requests): Promise<boolean> {
  return (await fetch(api.url + requests(0, 0).path)).ok
}

async function compareSearch(
  title: string,
  small: World,
  large: World,
  requests: (calendar: Calendar) => Requests,
  { connections, seconds, rounds, perSecond }: BenchOptions & { perSecond: number },
  ceilings: Omit<Candidate, 'requests'>[] = [],
): Promise<void> {
  const worlds = [small, large].map(({ api, calendar, usage }) => ({
    name: count(calendar.appointments),
    url: api.url,
    requests: requests(calendar),
    usage,
  }))
  const candidates = [...worlds, ...ceilings.map((ceiling) => ({ ...ceiling, requests: requests(large.calendar) }))]
  const takenMeanwhile = watchMachine()
  const alone = await compare(candidates, { connections: 1, seconds, rounds, warmUpSeconds: WARM_UP_SECONDS })
  const steady = await compare(candidates, { connections, seconds, rounds, perSecond })
  const together = await compare(candidates, { connections, seconds, rounds })
  const rows = candidates.map(({ name }) => {
    const [one, some, all] = [alone[name]!, steady[name]!, together[name]!]
    return [
      name,
      one.p50.toFixed(2),
      some.p50.toFixed(1),
      ...p99Of(some),
      all.perSecond.toFixed(),
      all.p50.toFixed(1),
      ...p99Of(all),
      all.cpu.api.toFixed(2),
      all.cpu.postgres.toFixed(2),
      `${(all.bytes / 1024).toFixed(1)} KiB`,
      surprises(all, 200),
    ]
  })
  const header = [
    title,
    '1 connection: p50 ms',
    `${connections} connections at ${perSecond} per s: p50 ms`,
    'p99 ms',
    'at full pace',
    'without pauses: per s',
    'p50 ms',
    'p99 ms',
    'at full pace',
    'CPU ms of the API',
    'of PostgreSQL',
    'answer size',
    '',
  ]
  printTable(header, rows)
  const [cheap, dear] = candidates.map(({ name }) => costOf(together[name]!))
  console.log(`  cost of the large table: × ${(dear! / cheap!).toFixed(2)}; taken by the host: ${takenMeanwhile()}\n`)
}

/** The p99 of all answers, and of the answers during which the processor ran at its usual speed. */
const p99Of = ({ p99, atFullPace }: Measured) => [
  p99.toFixed(1),
  `${atFullPace.p99.toFixed(1)} of ${(atFullPace.share * 100).toFixed()} %`,
]

/** CPU time where it is known; otherwise elapsed time under full load. */
const costOf = ({ cpu, perSecond }: Measured) => (Number.isNaN(cpu.api) ? 1 / perSecond : cpu.api + cpu.postgres)
