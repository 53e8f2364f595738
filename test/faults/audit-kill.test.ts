import { expect, test } from 'bun:test'
import { auditLogs } from '../../src/audit/collection'
import { relayAuditEvents } from '../../src/audit/relay'
import { verifyTrail } from '../../src/audit/verify'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { newId } from '../../src/database/ids'
import { createTestApp } from '../support/app'
import { startServer } from '../support/server'

const FULL = process.env.TEST_SCALE === 'full'
const WRITERS = FULL ? 64 : 16
const REQUESTS = FULL ? 2_000 : 8
const KILLS = FULL ? 10 : 1

const t = await createTestApp()
// The servers use the real time.
t.clock.set(new Date())
const admin = await t.newAdmin()
const authorise = async () => `Bearer ${await signAccessToken(t.deps.config, admin, new Date())}`

/** Two copies of the API that both relay; one at a time is killed. */
const copies = [startCopy(), startCopy()]

function startCopy() {
  const server = startServer({ ...t.env, LOG_LEVEL: 'info', POSTGRESQL_POOL_SIZE: '10' })
  const copy = { server, url: '', up: Promise.resolve() }
  copy.up = server.url().then((url) => {
    copy.url = url
  })
  return copy
}

async function killAndStartAgain(which: number): Promise<void> {
  const { server } = copies[which]!
  server.kill('SIGKILL')
  await server.ended()
  copies[which] = startCopy()
  await copies[which].up
}

type Sent = { method: string; path: string; body?: object; key?: string }

async function attempt(which: number, { method, path, body, key }: Sent) {
  const requestId = newId()
  const { url } = copies[which]!
  if (!url) throw new Error('this copy is starting')
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: await authorise(),
      'x-request-id': requestId,
      ...(body && { 'content-type': 'application/json' }),
      ...(key && { 'idempotency-key': key }),
    },
    body: body && JSON.stringify(body),
  })
  return { requestId, status: response.status, body: (await response.json()) as { id: string; code?: string } }
}

/** Repeats the request under one idempotency key on either copy until the answer is final. */
async function send(writer: number, request: Sent) {
  for (let turn = writer; ; turn++) {
    const answer = await attempt(turn % copies.length, request).catch(() => undefined)
    if (answer && answer.status !== 503 && answer.body.code !== 'request_in_progress') return answer
    if (!answer) await Bun.sleep(5)
  }
}

test('copies killed at any moment lose and double no audit event of a committed change, and the chain stays intact', async () => {
  await Promise.all(copies.map(({ up }) => up))
  const acknowledged: { requestId: string; outcome: string }[] = []
  let answered = 0
  let kills = 0
  let killing = Promise.resolve()

  async function write(writer: number): Promise<void> {
    let patientId = ''
    for (let i = 0; i < REQUESTS; i++) {
      const key = `${writer}-${i}`
      const requests: Sent[] = [
        { method: 'POST', path: '/patients', body: { name: key, dateOfBirth: '1990-05-17' }, key },
        { method: 'GET', path: `/patients/${patientId}` },
        { method: 'PATCH', path: `/patients/${patientId}`, body: { phone: `+1 212 555 ${1000 + i}` }, key },
        { method: 'GET', path: `/patients/${newId()}` },
      ]
      const { requestId, status, body } = await send(writer, requests[i % requests.length]!)
      expect(status).toBe([201, 200, 200, 404][i % requests.length]!)
      if (i % requests.length === 0) patientId = body.id
      acknowledged.push({ requestId, outcome: status === 404 ? 'denied' : 'success' })
      const due = Math.floor((++answered * (KILLS + 1)) / (WRITERS * REQUESTS))
      if (due > kills && kills < KILLS) {
        const which = kills++ % copies.length
        killing = killing.then(() => killAndStartAgain(which))
      }
    }
  }
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)))
  await killing
  for (const { server } of copies) server.kill('SIGKILL')
  await Promise.all(copies.map(({ server }) => server.ended()))
  while ((await relayAuditEvents(t.deps)) > 0);

  expect(kills).toBe(KILLS)
  expect(await t.db.selectFrom('auditOutbox').select('id').execute()).toEqual([])
  const verdict = await verifyTrail(t.deps)
  expect(verdict.finding).toBeUndefined()
  const logs = await auditLogs(t.deps.mongo)
    .find({}, { projection: { bytes: 1 } })
    .sort({ _id: 1 })
    .toArray()
  expect(logs.map(({ _id }) => _id)).toEqual(logs.map((_, i) => i + 1))
  expect(verdict.events).toBe(logs.length)

  const events = logs.map(({ bytes }) => JSON.parse(bytes))
  const byRequest = Map.groupBy(events, ({ requestId }) => requestId as string)
  const wrong = acknowledged.filter(({ requestId, outcome }) => {
    const found = byRequest.get(requestId) ?? []
    return found.length !== 1 || found[0].outcome !== outcome
  })
  expect(wrong).toEqual([])

  const changes = events.filter(({ outcome, detail }) => outcome === 'success' && detail === null)
  const timesOf = (kind: string) => {
    const times = new Map<string, number>()
    for (const { targetId } of changes.filter((event) => event.kind === kind))
      times.set(targetId, (times.get(targetId) ?? 0) + 1)
    return times
  }
  const patients = await t.db.selectFrom('patients').select(['id', 'version']).orderBy('id').execute()
  const [created, updated] = [timesOf('patient.create'), timesOf('patient.update')]
  expect(patients.length).toBe(WRITERS * Math.ceil(REQUESTS / 4))
  expect(patients.filter(({ id, version }) => created.get(id) !== 1 || (updated.get(id) ?? 0) !== version - 1)).toEqual(
    [],
  )
  expect(created.size).toBe(patients.length)
  console.log(
    `${answered} requests, ${kills} kills, ${logs.length} events, ${events.length - changes.length} of them no change`,
  )
}, 900_000)
