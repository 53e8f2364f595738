import { hash, verify } from '@node-rs/bcrypt'
import pg from 'pg'
import type { Caller } from '../../src/actor'
import { hashPassword } from '../../src/auth/passwords/hashing'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { type Config, readConfig } from '../../src/config'
import { createLimiter } from '../../src/database/limiter'
import { configurePostgres, createDatabases } from '../support/databases'
import { type Calendar, fillCalendar } from './calendar'
import { countUsage } from './cpu'
import { environmentOf, type Server } from './servers'
import { COUNTING, prepareCounting } from './statements'

const PASSWORD = 'a-long-enough-password'
export const PATIENTS_WITH_HISTORY = 20
const DOCUMENTS = 20

type Visit = Calendar['visits'][number] & { token: string }
export type World = {
  appointments: number
  password: string
  doctors: Calendar['doctors']
  visits: Visit[]
  env: Record<string, string>
  config: Config
  /** A copy of the PostgreSQL database, with a client to watch it; all copies have one MongoDB database. */
  copy(): Promise<Place>
}

export type Place = {
  env: Record<string, string>
  client: pg.Client
  /** For `Candidate`. */
  usage: (...servers: Pick<Server, 'pid'>[]) => () => ReturnType<typeof countUsage>
  /** Waits until the audit events of all requests are in MongoDB. */
  settle(): Promise<void>
}

/** A filled calendar whose patients have accounts and tokens, in a PostgreSQL that can count statements. */
export async function openWorld(rows: number): Promise<World> {
  if (COUNTING) configurePostgres(COUNTING)
  const filled = await createDatabases()
  const env = { ...environmentOf(filled), JWT_ACCESS_EXPIRATION: '1h', BCRYPT_COST: '10', LOG_LEVEL: 'error' }
  const config = readConfig(env)
  const { appointments, doctors, visits } = await fillCalendar(filled, rows)
  await setPasswords(filled.postgres, config)
  const signed = visits.map(async (visit) => {
    const { patientId, patientUserId: userId } = visit
    return { ...visit, token: await sign(config, { userId, patientId, role: 'patient' }) }
  })
  return {
    appointments,
    password: PASSWORD,
    doctors,
    visits: await Promise.all(signed),
    env,
    config,
    async copy() {
      const { postgres, mongoPid } = await createDatabases(filled.postgres.database)
      const client = new pg.Client(postgres)
      client.on('error', () => {})
      await client.connect()
      await prepareCounting(client)
      return {
        env: { ...env, POSTGRESQL_DATABASE: postgres.database },
        client,
        usage:
          (...servers) =>
          () =>
            countUsage({ pids: servers.map(({ pid }) => pid), client, mongoPid }),
        settle: () => outboxIsEmpty(client),
      }
    },
  }
}

const sign = (config: Config, actor: Omit<Caller, 'sessionId'>) =>
  signAccessToken(config, { ...actor, sessionId: crypto.randomUUID() }, new Date())

async function setPasswords(postgres: pg.ClientConfig, config: Config): Promise<void> {
  const { passwordHash, pepperVersion } = await hashPassword(
    { config, bcrypt: { hash, verify }, passwordLimiter: createLimiter(1, 10_000) },
    PASSWORD,
  )
  const client = new pg.Client(postgres)
  await client.connect()
  await client.query('update users set password_hash = $1, pepper_version = $2', [passwordHash, pepperVersion])
  await client.query('vacuum (full, analyze) users')
  await client.end()
}

async function outboxIsEmpty(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query(
      `select exists (select from audit_outbox where outcome <> 'pending') as waiting /* bench counting */`,
    )
    if (!rows[0].waiting) return
    await Bun.sleep(20)
  }
}

/** Writes documents through the API, as the doctor of each visit. */
export async function writeHistories(
  { config, visits }: World,
  send: (path: string, init: RequestInit) => Promise<Response>,
): Promise<void> {
  const medicines = [{ name: 'Metoprolol', dosage: '50 mg', frequency: 'twice a day', durationDays: 30 }]
  const record = { type: 'visit_note', title: 'Follow-up', data: { systolic: 128, diastolic: 82, plan: 'As before.' } }
  for (const { patientId, patientUserId: userId, doctorId } of visits.slice(0, PATIENTS_WITH_HISTORY)) {
    const headers = {
      authorization: `Bearer ${await sign(config, { userId, doctorId, role: 'doctor' })}`,
      'content-type': 'application/json',
    }
    const write = async (what: string, body: object) => {
      const init = { method: 'POST', headers, body: JSON.stringify(body) }
      const answer = await send(`/patients/${patientId}/${what}`, init)
      if (!answer.ok) throw new Error(`a document was not written: ${await answer.text()}`)
    }
    await Promise.all(
      Array.from({ length: DOCUMENTS }, () => [write('records', record), write('prescriptions', { medicines })]).flat(),
    )
  }
}
