import { hash, verify } from '@node-rs/bcrypt'
import pg from 'pg'
import { hashPassword } from '../../src/auth/passwords/hashing'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { type Config, readConfig } from '../../src/config'
import { createLimiter } from '../../src/database/limiter'
import { DAY, dayOfNumber, instantAt, isoWeekday, MINUTE } from '../../src/scheduling/local-time'
import { createDatabases } from '../support/databases'
import { type Bench, printTable } from './bench'
import { AHEAD_DAYS, type Calendar, fillCalendar } from './calendar'
import { usageOf } from './cpu'
import { compare, type Measured, type Requests, surprises } from './load'
import { environmentOf, startApi, startBareServer } from './servers'

const MOST_ROWS = 100_000
const PASSWORD = 'a-long-enough-password'
const PATIENTS_WITH_HISTORY = 20
const DOCUMENTS = 20
const HALF_HOURS_A_DAY = 16

type Visit = Calendar['visits'][number] & { token: string }
/** Each server has its own doctors and patients. */
type Share = { doctors: string[]; visits: Visit[] }
/** The same request to both: the API needs a token, the bare server the ids from that token. */
type Compared = { title: string; status: number; requests: (share: Share, isApi: boolean) => Requests }

export const bench: Bench = {
  title: 'the API against bare Bun.serve handlers with one named statement each',
  async run(options) {
    const databases = await createDatabases()
    const env = { ...environmentOf(databases), JWT_ACCESS_EXPIRATION: '1h' }
    const config = readConfig(env)
    const calendar = await fillCalendar(databases, Math.min(options.rows, MOST_ROWS))
    const client = new pg.Client(databases.postgres)
    await client.connect()
    await setPasswords(client, config)
    const [api, bare] = await Promise.all([startApi(env), startBareServer(env)])
    const [ours, theirs] = await sharesOf(calendar, config)
    await Promise.all([ours, theirs].map((share) => writeHistories(api.url, config, share)))

    const rows: string[][] = []
    for (const { title, status, requests } of COMPARED) {
      const found = await compare(
        [
          { name: 'api', url: api.url, requests: requests(ours, true), usage: () => usageOf(api.pid, client) },
          { name: 'bare', url: bare.url, requests: requests(theirs, false), usage: () => usageOf(bare.pid, client) },
        ],
        options,
      )
      rows.push(rowOf(title, status, found.api!, found.bare!))
    }
    console.log(`  ${calendar.appointments} appointments, ${options.connections} connections`)
    console.log('  CPU: milliseconds per request, of the server and of PostgreSQL\n')
    printTable(['', 'API/s', 'bare/s', 'ratio', 'API p50 ms', 'p99 ms', 'API CPU', 'bare CPU', ''], rows)
    await Promise.all([api.stop(), bare.stop(), client.end()])
  },
}

const COMPARED: Compared[] = [
  { title: 'list 20 doctors', status: 200, requests: () => () => ({ method: 'GET', path: '/doctors' }) },
  {
    title: 'one appointment by id',
    status: 200,
    requests:
      ({ visits }) =>
      (n) => {
        const { id, token } = visits[n % visits.length]!
        return { method: 'GET', path: `/appointments/${id}`, token }
      },
  },
  {
    title: 'book',
    status: 201,
    requests:
      ({ doctors, visits }, isApi) =>
      (n) => {
        const { patientId, patientUserId: userId, token } = visits[n % visits.length]!
        // Concurrent requests are for different doctors and different patients.
        const wanted = { doctorId: doctors[n % doctors.length], startsAt: freeTime(Math.floor(n / doctors.length)) }
        const body = isApi ? wanted : { ...wanted, patientId, userId }
        return { method: 'POST', path: '/appointments', token, key: `bench-${n}`, body }
      },
  },
  {
    title: 'sign in',
    status: 200,
    requests:
      ({ visits }) =>
      (n) => {
        const body = { email: visits[n % visits.length]!.patientEmail, password: PASSWORD }
        return { method: 'POST', path: '/auth/login', body }
      },
  },
  {
    title: `profile with ${DOCUMENTS} + ${DOCUMENTS} documents`,
    status: 200,
    requests:
      ({ visits }) =>
      (n) => {
        const { patientId, token } = visits[n % PATIENTS_WITH_HISTORY]!
        return { method: 'GET', path: `/patients/${patientId}`, token }
      },
  },
]

function rowOf(title: string, status: number, api: Measured, bare: Measured): string[] {
  const cpu = ({ cpu }: Measured) => `${cpu.api.toFixed(2)} + ${cpu.postgres.toFixed(2)}`
  return [
    title,
    api.perSecond.toFixed(),
    bare.perSecond.toFixed(),
    (api.perSecond / bare.perSecond).toFixed(2),
    api.p50.toFixed(1),
    api.p99.toFixed(1),
    cpu(api),
    cpu(bare),
    surprises(api, status) || surprises(bare, status),
  ]
}

/** The nth half hour after all bookings. */
function freeTime(n: number): string {
  const tomorrow = Math.floor(Date.now() / DAY) + AHEAD_DAYS + 1
  const monday = tomorrow + ((8 - isoWeekday(tomorrow)) % 7)
  const workday = Math.floor(n / HALF_HOURS_A_DAY)
  const day = dayOfNumber(monday + Math.floor(workday / 6) * 7 + (workday % 6))
  const opening = instantAt(day, '09:00', 'America/New_York')
  return new Date(opening + (n % HALF_HOURS_A_DAY) * 30 * MINUTE).toISOString()
}

async function sharesOf({ doctors, visits }: Calendar, config: Config): Promise<[Share, Share]> {
  const signed = await Promise.all(
    visits.map(async (visit) => ({ ...visit, token: await patientToken(config, visit) })),
  )
  const share = (which: 0 | 1): Share => ({
    doctors: doctors.filter((_, i) => i % 2 === which).map(({ id }) => id),
    visits: signed.filter((_, i) => i % 2 === which),
  })
  return [share(0), share(1)]
}

function patientToken(config: Config, { patientId, patientUserId: userId }: Calendar['visits'][number]) {
  const actor = { userId, patientId, role: 'patient' as const, sessionId: crypto.randomUUID() }
  return signAccessToken(config, actor, new Date())
}

async function setPasswords(client: pg.Client, config: Config): Promise<void> {
  const { passwordHash, pepperVersion } = await hashPassword(
    { config, bcrypt: { hash, verify }, passwordLimiter: createLimiter(1, 10_000) },
    PASSWORD,
  )
  await client.query('update users set password_hash = $1, pepper_version = $2', [passwordHash, pepperVersion])
}

/** Writes documents through the API, as the doctor of each visit. */
async function writeHistories(url: string, config: Config, { visits }: Share): Promise<void> {
  const medicines = [{ name: 'Metoprolol', dosage: '50 mg', frequency: 'twice a day', durationDays: 30 }]
  const record = { type: 'visit_note', title: 'Follow-up', data: { systolic: 128, diastolic: 82, plan: 'As before.' } }
  for (const { patientId, patientUserId: userId, doctorId } of visits.slice(0, PATIENTS_WITH_HISTORY)) {
    const actor = { userId, doctorId, role: 'doctor' as const, sessionId: crypto.randomUUID() }
    const authorization = `Bearer ${await signAccessToken(config, actor, new Date())}`
    const write = async (what: string, body: object) => {
      const headers = { authorization, 'content-type': 'application/json' }
      const answer = await fetch(`${url}/patients/${patientId}/${what}`, {
        method: 'POST',
        headers,
        body: JSON.stringify(body),
      })
      if (!answer.ok) throw new Error(`a document was not written: ${await answer.text()}`)
    }
    await Promise.all(
      Array.from({ length: DOCUMENTS }, () => [write('records', record), write('prescriptions', { medicines })]).flat(),
    )
  }
}
