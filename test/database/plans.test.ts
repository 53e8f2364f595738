import { expect, test } from 'bun:test'
import { sql } from 'kysely'
import { AHEAD_DAYS, fillCalendar } from '../bench/calendar'
import { createTestApp } from '../support/app'
import { openCopy } from '../support/copies'
import { createDatabases } from '../support/databases'

const APPOINTMENTS = 20_000
const RUNS = 20
/** PostgreSQL plans the first five executions of a statement on a connection anew, whatever they cost. */
const FIRST_RUNS = 6
const DAY = 86_400_000

// In an empty database planning anew never looks worth while.
const databases = await createDatabases()
const { doctors, visits } = await fillCalendar(databases, APPOINTMENTS)
const t = await createTestApp(databases.environment)
t.clock.set(new Date())
const [visit] = visits
const caller = {
  userId: visit!.patientUserId,
  patientId: visit!.patientId,
  role: 'patient',
  sessionId: crypto.randomUUID(),
} as const
// Requests that follow one another use the same connection of the pool.
const copy = openCopy(t)
const client = copy.as(caller)

/** How often each statement of the connection was planned for the values of one execution. */
async function countCustomPlans(): Promise<Map<string, number>> {
  const { rows } = await sql<{ statement: string; plans: number }>`
    select statement, custom_plans as plans from pg_prepared_statements
    where statement not like '%pg_prepared_statements%'`.execute(copy.deps.db)
  return new Map(rows.map(({ statement, plans }) => [statement, plans]))
}

const doctorId = doctors[0]!.id
const day = (n: number) => new Date(Date.now() + n * DAY).toISOString().slice(0, 10)
const free = await copy.anonymous.get(
  `/doctors/${doctorId}/slots?from=${day(AHEAD_DAYS + 2)}&to=${day(AHEAD_DAYS + 22)}`,
)
const starts = free.body.data.map(({ startsAt }: { startsAt: string }) => startsAt)
const book = () => {
  const headers = { 'idempotency-key': crypto.randomUUID() }
  return client.post('/appointments', { doctorId, startsAt: starts.shift() }, { headers })
}
const first = (await book()).body

const HOT: [title: string, status: number, run: () => Promise<{ status: number }>][] = [
  ['a booking', 201, book],
  ['a booking of a taken time', 409, () => client.post('/appointments', { doctorId, startsAt: first.startsAt })],
  ['reading an appointment', 200, () => client.get(`/appointments/${first.id}`)],
  ['listing appointments', 200, () => client.get('/appointments')],
  ['listing doctors', 200, () => copy.anonymous.get('/doctors?specialization=Cardiology')],
  ['searching the slots of a doctor', 200, () => copy.anonymous.get(`/doctors/${doctorId}/slots`)],
]

test.each(HOT)('PostgreSQL keeps the plans of %s', async (_, status, run) => {
  let before = new Map<string, number>()
  for (let i = 0; i < RUNS; i++) {
    if (i === FIRST_RUNS) before = await countCustomPlans()
    expect(await run()).toMatchObject({ status })
  }
  const after = await countCustomPlans()
  expect([...after].filter(([statement, plans]) => plans > (before.get(statement) ?? 0))).toEqual([])
})
