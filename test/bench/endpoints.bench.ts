import pg from 'pg'
import { hashPassword } from '../../src/auth/passwords'
import { signAccessToken } from '../../src/auth/tokens'
import { type Config, readConfig } from '../../src/config'
import { createLane } from '../../src/database/lane'
import type { Actor } from '../../src/deps'
import { addDays, instantAt } from '../../src/scheduling/local-time'
import { createDatabases } from '../support/databases'
import { type Bench, printTable } from './bench'
import { type Calendar, fillCalendar, LAST_FILLED_DAY } from './calendar'
import { usageOf } from './cpu'
import { compare, type Request, surprises } from './load'
import { environmentOf, startApi, startBareServer } from './servers'

const MOST_ROWS = 100_000
const PASSWORD = 'a-long-enough-password'
const HISTORIES = 20
const ENTRIES = 20
const HORIZON_DAYS = 85

/** The same request to either server: the API wants a token, the bare one the ids that a token holds. */
type Compared = {
  title: string
  status: number
  request: (n: number, token: string, visit: Calendar['visits'][number], half: 0 | 1) => Request
}

export const bench: Bench = {
  title: 'the API against bare Bun.serve handlers with one named statement each',
  async run(options) {
    const databases = await createDatabases()
    const env = { ...environmentOf(databases), JWT_ACCESS_EXPIRATION: '12h' }
    const config = readConfig(env)
    const calendar = await fillCalendar(databases, Math.min(options.rows, MOST_ROWS))
    const client = new pg.Client(databases.postgres)
    await client.connect()
    await givePasswords(client, config)
    const [api, bare] = await Promise.all([startApi(env), startBareServer(env)])
    const tokens = await Promise.all(calendar.visits.map((visit) => tokenOf(config, visit)))
    await writeHistories(api.url, config, calendar)

    const rows: string[][] = []
    for (const { title, status, request } of compared(calendar)) {
      const pick = (half: 0 | 1) => (n: number) => {
        const i = n % calendar.visits.length
        return request(n, tokens[i]!, calendar.visits[i]!, half)
      }
      const candidates = [
        { name: 'api', url: api.url, requests: pick(0), usage: () => usageOf(api.pid, client) },
        { name: 'bare', url: bare.url, requests: pick(1), usage: () => usageOf(bare.pid, client) },
      ]
      const { api: ours, bare: ceiling } = await compare(candidates, options)
      rows.push([
        title,
        ours!.perSecond.toFixed(),
        ceiling!.perSecond.toFixed(),
        (ours!.perSecond / ceiling!.perSecond).toFixed(2),
        ours!.p50.toFixed(1),
        ours!.p99.toFixed(1),
        `${ours!.cpu.api.toFixed(2)} + ${ours!.cpu.postgres.toFixed(2)}`,
        `${ceiling!.cpu.api.toFixed(2)} + ${ceiling!.cpu.postgres.toFixed(2)}`,
        surprises(ours!, status) || surprises(ceiling!, status),
      ])
    }
    console.log(`  ${calendar.appointments} appointments, ${options.connections} connections; CPU in ms: server + PostgreSQL\n`)
    printTable(['', 'API/s', 'bare/s', 'ratio', 'API p50 ms', 'p99 ms', 'API CPU', 'bare CPU', ''], rows)
    await Promise.all([api.stop(), bare.stop(), client.end()])
  },
}

function compared({ doctors }: Calendar): Compared[] {
  const half = doctors.length / 2
  return [
    { title: 'list 20 doctors', status: 200, request: () => ({ method: 'GET', path: '/doctors' }) },
    {
      title: 'one appointment by id',
      status: 200,
      request: (_n, token, { id }) => ({ method: 'GET', path: `/appointments/${id}`, token }),
    },
    {
      title: 'book',
      status: 201,
      // Neighbours in time are of different doctors and patients, and each server has doctors of its own.
      request: (n, token, { patientId, patientUserId }, which) => {
        const doctorId = doctors[which * half + (n % half)]!.id
        const startsAt = freeTimes()[Math.floor(n / half)]!
        const body = which === 0 ? { doctorId, startsAt } : { doctorId, startsAt, patientId, userId: patientUserId }
        return { method: 'POST', path: '/appointments', token, key: `bench-${n}`, body }
      },
    },
    {
      title: 'sign in',
      status: 200,
      request: (_n, _token, { patientEmail: email }) => ({
        method: 'POST',
        path: '/auth/login',
        body: { email, password: PASSWORD },
      }),
    },
    {
      title: `profile with ${ENTRIES} + ${ENTRIES} documents`,
      status: 200,
      request: (n, token) => ({ method: 'GET', path: `/patients/${n % HISTORIES}`, token }),
    },
  ]
}
