import { describe, expect, test } from 'bun:test'
import { signAccessToken } from '../../src/auth/sessions/tokens'
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

const errors = () => t.auditEvents().select('kind').where('outcome', '=', 'error').execute()

describe('a client that leaves while it sends its body', () => {
  test.each([
    ['/auth/logout', 'application/json', '{'],
    ['/doctors/availability', 'application/json', '{"weekly":['],
    [`/records/${crypto.randomUUID()}/attachments`, 'multipart/form-data; boundary=b', '--b\r\nContent-Disposition: '],
  ])('at POST %s is no failure of ours: no 5xx, and no audit event of an error', async (path, type, start) => {
    expect(await leave(path, type, start)).toBeLessThan(500)
    expect(await errors()).toEqual([])
  })
})
