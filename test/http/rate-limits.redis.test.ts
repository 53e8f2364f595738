import { afterAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createTestApp } from '../support/app'
import { createClient } from '../support/client'
import { findProgram } from '../support/programs'
import { runFolder } from '../support/run-folder'
import { until } from '../support/until'

// The first test starts a Redis and an app; Bun's five seconds are short on a busy machine.
setDefaultTimeout(60_000)

const program = findProgram('redis-server', 'rate limits shared in Redis')
const folder = mkdtempSync(join(runFolder(), 'redis-'))
const port = freePort()
const url = `redis://127.0.0.1:${port}`

let server: Bun.Subprocess | undefined
afterAll(async () => {
  server?.kill('SIGKILL')
  await server?.exited
  rmSync(folder, { recursive: true, force: true })
})

function freePort(): number {
  const probe = Bun.listen({ hostname: '127.0.0.1', port: 0, socket: { data() {} } })
  const { port } = probe
  probe.stop(true)
  return port
}

async function startRedis(): Promise<void> {
  const command = [program!, '--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--dir', folder]
  server = Bun.spawn(command, { stdio: ['ignore', 'ignore', 'ignore'] })
  await until(async () => (await redis('PING')).startsWith('+PONG'))
}

async function stopRedis(): Promise<void> {
  server!.kill('SIGKILL')
  await server!.exited
}

/** Sends one command and returns the raw reply. */
function redis(command: string): Promise<string> {
  return new Promise((resolve) => {
    void Bun.connect({
      hostname: '127.0.0.1',
      port,
      socket: {
        open: (socket) => void socket.write(`${command}\r\n`),
        data(socket, reply) {
          resolve(reply.toString())
          socket.end()
        },
        connectError: () => resolve(''),
      },
    }).catch(() => resolve(''))
  })
}

const newCopy = () => createTestApp({ RATE_LIMIT: 'on', REDIS_URL: url })
type Copy = Awaited<ReturnType<typeof newCopy>>

async function left(copy: Copy, address: string): Promise<number> {
  const client = createClient(async (request) => copy.app.fetch(request, { peerAddress: address }))
  const { status, headers } = await client.get('/clinics')
  expect(status).toBe(200)
  return Number(/r=(\d+)/.exec(headers.get('ratelimit')!)?.[1])
}

describe.skipIf(!program)('rate limits in Redis', () => {
  test('rate limits in Redis are shared by all copies, and their keys contain no email or IP address', async () => {
    await startRedis()
    const [one, other] = [await newCopy(), await newCopy()]
    expect(await left(one, '198.51.100.1')).toBe(299)
    expect(await left(other, '198.51.100.1')).toBe(298)
    expect(await left(one, '198.51.100.1')).toBe(297)
    expect(await left(other, '198.51.100.2')).toBe(299)

    const client = createClient(async (request) => one.app.fetch(request, { peerAddress: '198.51.100.1' }))
    const signIns = []
    for (let i = 0; i < 11; i++)
      signIns.push((await client.post('/auth/login', { email: 'known@example.org', password: 'wrong' })).status)
    expect(signIns).toEqual([...Array(10).fill(401), 429])

    const keys = await redis('KEYS *')
    expect(keys).toContain('rate-limit:default:')
    expect(keys).toContain('rate-limit:sign_in_account:')
    expect(keys).not.toMatch(/198\.51|known|example/)
  })

  test('rate limits continue in each copy while Redis is down, and are shared again when it is back', async () => {
    const copy = await newCopy()
    expect(await left(copy, '198.51.100.3')).toBe(299)
    await stopRedis()
    expect(await left(copy, '198.51.100.3')).toBe(299)
    expect(await left(copy, '198.51.100.3')).toBe(298)

    const started = await newCopy()
    expect(await left(started, '198.51.100.3')).toBe(299)

    await startRedis()
    await until(async () => {
      await left(copy, '198.51.100.4')
      return (await redis('KEYS *')).includes('rate-limit:default:')
    })
  }, 30_000)

  test('rate limits do not wait for a Redis that hangs', async () => {
    const copy = await newCopy()
    expect(await left(copy, '198.51.100.5')).toBe(299)
    server!.kill('SIGSTOP')
    try {
      // Redis does not go on before these have their answers.
      for (let i = 0; i < 20; i++) expect(await left(copy, '198.51.100.5')).toBeLessThan(300)
    } finally {
      server!.kill('SIGCONT')
    }
  })
})
