import { describe, expect, setDefaultTimeout, test } from 'bun:test'
import { createTestApp } from '../support/app'
import { createDatabases } from '../support/databases'
import { startServer } from '../support/server'

const t = await createTestApp()
const here = { ...t.env, LOG_LEVEL: 'info' }
const elsewhere = { ...here, ...(await createDatabases()).environment }
// Each test starts two processes, which takes long on a busy machine.
setDefaultTimeout(300_000)

/** Copies start one after the other on the same port; returns the port and the first copy. */
async function startFirst(settings: Record<string, string> = {}) {
  const first = startServer({ ...here, ...settings, PORT: `${freePort()}` })
  const url = await first.url()
  return { first, port: new URL(url).port, ready: async () => (await fetch(`${url}/health/ready`)).json() }
}

function freePort(): number {
  using probe = Bun.serve({ port: 0, hostname: '127.0.0.1', fetch: () => new Response() })
  return probe.port!
}

describe('two copies on one port', () => {
  test('a second copy on the same port does not start', async () => {
    const { port } = await startFirst()
    expect(await startServer({ ...elsewhere, PORT: port }).ended()).toEqual({
      code: 1,
      complaint: `Port ${port} on 127.0.0.1 is in use: stop what uses it, or set PORT.\n`,
    })
  })

  test('with REUSE_PORT=on a second copy shares the port with a copy on the same database', async () => {
    const { first, port, ready } = await startFirst({ REUSE_PORT: 'on' })
    const second = startServer({ ...here, REUSE_PORT: 'on', PORT: port })
    await second.url()
    first.kill('SIGTERM')
    expect((await first.ended()).code).toBe(0)
    expect(await ready()).toMatchObject({ checks: { postgres: 'up' } })
  })

  test('with REUSE_PORT=on a copy on another database does not start beside the first', async () => {
    const { port, ready } = await startFirst({ REUSE_PORT: 'on' })
    const second = startServer({ ...elsewhere, REUSE_PORT: 'on', PORT: port })
    expect(await second.ended()).toEqual({
      code: 1,
      complaint: `Port ${port} on 127.0.0.1 is in use by a copy of the API on another database: use its database, or set PORT.\n`,
    })
    expect(await ready()).toMatchObject({ checks: { postgres: 'up' } })
  })

  test('with REUSE_PORT=on a copy does not start beside another program', async () => {
    using other = Bun.serve({ port: 0, hostname: '127.0.0.1', reusePort: true, fetch: () => new Response('hello') })
    const { code, complaint } = await startServer({ ...here, REUSE_PORT: 'on', PORT: `${other.port}` }).ended()
    expect(code).toBe(1)
    expect(complaint).toContain(`Port ${other.port} on 127.0.0.1 is in use`)
  })
})
