import { type Bench, type BenchOptions, median, printTable } from './bench'
import { type Measured, measure, openClient, type Requests, surprises } from './load'
import { startApi } from './servers'
import { bookings, freeTime } from './workloads'
import { openWorld, type World } from './world'

const CLIENTS = 200
const MOST_ROWS = 100_000
const TARGET = 0.8
/** The doctors of the rushes, one after the other, so that each has free times left. */
const HOT_SHARE = 0.4

type Booking = { doctorId: string; startsAt: string }
type Rush = { title: string; wanted: (hot: World['doctors'], rush: number, client: number) => Booking }

const RUSHES: Rush[] = [
  {
    title: `${CLIENTS} clients on one slot`,
    wanted: (hot, rush) => ({
      doctorId: hot[rush % hot.length]!.id,
      startsAt: freeTime(Math.floor(rush / hot.length)),
    }),
  },
  {
    title: `${CLIENTS} clients on ${CLIENTS} free times of one doctor`,
    wanted: (hot, rush, client) => ({
      doctorId: hot[rush % hot.length]!.id,
      // After the slots of the other rush.
      startsAt: freeTime((1 + Math.floor(rush / hot.length)) * CLIENTS + client),
    }),
  },
]

/**
 * Every second 200 clients send a booking to one doctor at the same moment, while others book with other doctors. Each round
 * of a rush is paired with a round without one.
 */
export const bench: Bench = {
  title: `a rush of ${CLIENTS} clients on one doctor each second, and the bookings of other doctors meanwhile`,
  defaults: { seconds: 2 },
  async run(options) {
    const world = await openWorld(Math.min(options.rows, MOST_ROWS))
    const place = await world.copy()
    // The same patients come often.
    const api = await startApi({ ...place.env, MAX_UPCOMING_PER_PATIENT: '10000', MAX_UPCOMING_PER_DOCTOR: '10000' })
    const count = Math.floor(world.doctors.length * HOT_SHARE)
    const [hot, calm] = [world.doctors.slice(0, count), world.doctors.slice(count)]
    const half = Math.floor(world.visits.length / 2)
    const [hurried, others] = [world.visits.slice(0, half), world.visits.slice(half)]
    const book = bookings('calm', others)
    const candidate = {
      name: 'others',
      url: api.url,
      requests: ((n) => book(n, calm[n % calm.length]!.id, freeTime(Math.floor(n / calm.length)))) as Requests,
    }
    let next = (await measure(candidate, { ...options, first: 0, round: 0 })).next
    const measureOthers = async () => {
      const measured = await measure(candidate, { ...options, first: next, round: 1 })
      next = measured.next
      return measured
    }
    const rows: string[][] = []
    for (const [i, rush] of RUSHES.entries())
      rows.push(await compareRush(rush, `hot-${i}`, { url: api.url, hot, hurried, measureOthers, options }))
    console.log(`  others: ${options.connections} connections, ${options.rounds} pairs of rounds`)
    printTable(
      [
        'the rush',
        'others/s without',
        'with',
        `ratio (must ≥ ${TARGET})`,
        'p99 ms without',
        'with',
        'answers to the rush',
        '',
      ],
      rows,
    )
    await api.stop()
    await place.client.end()
  },
}

type Setting = {
  url: string
  hot: World['doctors']
  hurried: World['visits']
  measureOthers: () => Promise<Measured>
  options: BenchOptions
}

async function compareRush({ title, wanted }: Rush, keys: string, setting: Setting): Promise<string[]> {
  const { url, hot, hurried, measureOthers, options } = setting
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => openClient(url)))
  const book = bookings(keys, hurried)
  const statuses: Record<number, number> = {}
  let rushes = 0
  async function rush(): Promise<void> {
    const nth = rushes++
    await Promise.all(
      clients.map(async (client, i) => {
        const { doctorId, startsAt } = wanted(hot, nth, i)
        const { status } = await client.send(book(nth * CLIENTS + i, doctorId, startsAt))
        statuses[status] = (statuses[status] ?? 0) + 1
      }),
    )
  }
  async function rushEachSecond(): Promise<void> {
    for (let second = 0; second < options.seconds; second++) await Promise.all([rush(), Bun.sleep(1000)])
  }

  await rush()
  const pairs: { without: Measured; with: Measured }[] = []
  for (let round = 0; round < options.rounds; round++) {
    const without = await measureOthers()
    const [measured] = await Promise.all([measureOthers(), rushEachSecond()])
    pairs.push({ without, with: measured })
  }
  for (const client of clients) client.close()
  const middle = (value: (measured: Measured) => number, when: 'without' | 'with') =>
    median(pairs.map((pair) => value(pair[when])))
  const ratio = median(pairs.map(({ without, with: busy }) => busy.perSecond / without.perSecond))
  return [
    title,
    middle(({ perSecond }) => perSecond, 'without').toFixed(),
    middle(({ perSecond }) => perSecond, 'with').toFixed(),
    `${ratio.toFixed(3)} ${ratio >= TARGET ? 'holds' : '-'}`,
    middle(({ p99 }) => p99, 'without').toFixed(1),
    middle(({ p99 }) => p99, 'with').toFixed(1),
    Object.entries(statuses)
      .map(([status, times]) => `${times} × ${status}`)
      .join(', '),
    pairs.map((pair) => surprises(pair.with, 201)).find(Boolean) ?? '',
  ]
}
