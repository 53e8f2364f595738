import { describe, expect, test } from 'bun:test'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { streamBody } from '../../src/http/operations/stream'
import { createTestApp } from '../support/app'
import { until } from '../support/until'

const t = await createTestApp()
const doctor = await t.newDoctor({ clinicId: (await t.newClinic()).id })
const token = await signAccessToken(t.deps.config, doctor.actor, t.clock.now())

/** Sends the beginning of a request over a real connection and closes it; returns the status that nobody received. */
async function leave(path: string, type: string, start: string): Promise<number> {
  let status: number | undefined
  const arrived = Promise.withResolvers<void>()
  using server = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    fetch: async (request) => {
      arrived.resolve()
      const response = await t.app.fetch(request)
      status = response.status
      return response
    },
  })
  const socket = await Bun.connect({ hostname: '127.0.0.1', port: server.port!, socket: { data() {} } })
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${type}`
  socket.write(`${head}\r\nContent-Length: 60000\r\n\r\n${start}`)
  await arrived.promise
  socket.terminate()
  return until(async () => status)
}

/** What the log has at these levels. */
const logged: string[] = []
for (const level of ['error', 'warn'] as const)
  t.deps.log[level] = (_facts: object, message?: string) => void logged.push(`${level}: ${message}`)

const errors = () => t.auditEvents().select('kind').where('outcome', '=', 'error').execute()

describe('a client that leaves while it sends its body', () => {
  test.each([
    ['/auth/logout', 'application/json', '{'],
    ['/doctors/availability', 'application/json', '{"weekly":['],
    [`/records/${crypto.randomUUID()}/attachments`, 'multipart/form-data; boundary=b', '--b\r\nContent-Disposition: '],
  ])(
    'at POST %s is no failure of ours: no 5xx, no line of an error in the log, and no audit event of an error',
    async (path, type, start) => {
      expect(await leave(path, type, start)).toBeLessThan(500)
      expect(await errors()).toEqual([])
      expect(logged).toEqual([])
    },
  )
})

describe('a client that leaves while an answer is streamed', () => {
  test('is no failure of ours while the next part is being made: nothing is logged, and no later part is made', async () => {
    const asked = Promise.withResolvers<void>()
    const made = Promise.withResolvers<void>()
    let ended = false
    async function* parts() {
      try {
        yield new Uint8Array([1])
        asked.resolve()
        await made.promise
        yield new Uint8Array([2])
        throw new Error('nobody asked for more')
      } finally {
        ended = true
      }
    }
    const failures: unknown[] = []
    const reader = streamBody(parts(), (error) => failures.push(error)).getReader()
    expect((await reader.read()).value).toEqual(new Uint8Array([1]))
    const second = reader.read()
    await asked.promise
    const cancelled = reader.cancel()
    made.resolve()
    await Promise.all([second, cancelled])
    expect(ended).toBe(true)
    expect(failures).toEqual([])
  })

  test('at GET /patients/{id}/export nothing is logged, and the event of the access stays the only one', async () => {
    const patient = await t.newPatient()
    const bearer = await signAccessToken(t.deps.config, patient.actor, t.clock.now())
    using server = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: (request) => t.app.fetch(request) })
    const holder = await t.deps.postgres.pool.connect()
    await holder.query('begin')
    await holder.query('lock table appointments')
    let received = ''
    const socket = await Bun.connect({
      hostname: '127.0.0.1',
      port: server.port!,
      socket: {
        data: (_socket, bytes) => {
          received += bytes.toString()
        },
      },
    })
    socket.write(`GET /patients/${patient.id}/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${bearer}\r\n\r\n`)
    // The export waits for the table.
    const blocked = () =>
      t.deps.postgres.pool.query("select 1 from pg_locks where not granted and relation = 'appointments'::regclass")
    await until(async () => (await blocked()).rows.length > 0)
    socket.terminate()
    await holder.query('rollback')
    holder.release()
    await until(async () => server.pendingRequests === 0 && (await blocked()).rows.length === 0)
    expect(received.includes('"waitlist"')).toBe(false)
    expect(logged).toEqual([])
    const events = await t.auditEvents().select(['kind', 'outcome']).where('targetId', '=', patient.id).execute()
    expect(events).toEqual([{ kind: 'patient.export', outcome: 'success' }])
  })
})
