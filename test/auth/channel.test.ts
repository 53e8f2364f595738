import { afterAll, describe, expect, test } from 'bun:test'
import { createServer, connect as dial, type Socket } from 'node:net'
import { type Channel, openChannel } from '../../src/database/channel'
import { createLogger } from '../../src/log'
import { createTestApp } from '../support/app'
import { until } from '../support/until'

const t = await createTestApp()
const { postgres } = t.deps.config
const log = createLogger('silent')
const open: Channel[] = []
afterAll(() => Promise.all(open.map((channel) => channel.stop())))

function listenTo(name: string, config = postgres) {
  const heard: string[] = []
  let caughtUp = 0
  const channel = openChannel(config, {
    name,
    hear: (payload) => heard.push(payload),
    catchUp: async () => void caughtUp++,
    log,
    pulseMs: 20,
    silenceMs: 200,
  })
  open.push(channel)
  return { channel, heard, caughtUp: () => caughtUp }
}

const notify = (name: string, payload: string) =>
  t.deps.postgres.pool.query('select pg_notify($1, $2)', [name, payload])
const current = (channel: Channel) => async () => channel.isCurrent()
const lost = (channel: Channel) => async () => !channel.isCurrent()

/** A proxy to the database that can stop forwarding without closing its connections. */
async function openWire() {
  const path = `${postgres.host}/.s.PGSQL.${postgres.port}`
  const sockets = new Set<Socket>()
  let cut = false
  const server = createServer((near) => {
    const far = dial(path)
    for (const socket of [near, far]) {
      sockets.add(socket)
      socket.on('error', () => {})
    }
    near.on('data', (bytes) => cut || far.write(bytes))
    far.on('data', (bytes) => cut || near.write(bytes))
    near.on('close', () => far.destroy())
    far.on('close', () => near.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  afterAll(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    config: { ...postgres, host: '127.0.0.1', port },
    setCut: (value: boolean) => {
      cut = value
    },
  }
}

describe('notification channels', () => {
  test('a notification channel is not current before it starts and after it stops', async () => {
    const { channel } = listenTo('starting')
    expect(channel.isCurrent()).toBe(false)
    channel.start()
    await until(current(channel))
    await channel.stop()
    expect(channel.isCurrent()).toBe(false)
  })

  test('a notification channel receives only committed notifications of its own name', async () => {
    const { channel, heard } = listenTo('hearing')
    channel.start()
    await until(current(channel))
    await notify('elsewhere', 'no')
    await t.deps.postgres
      .transaction([`select pg_notify('hearing', 'rolled back')`], async () => {
        throw new Error('undo')
      })
      .catch(() => {})
    await notify('hearing', 'yes')
    await until(async () => heard.length > 0)
    expect(heard).toEqual(['yes'])
  })

  test('a notification channel reconnects when its backend is terminated, and catches up each time', async () => {
    const { channel, heard, caughtUp } = listenTo('ending')
    channel.start()
    await until(current(channel))
    expect(caughtUp()).toBe(1)
    const ended = await t.deps.postgres.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'clinic-api channel' and datname = current_database()`,
    )
    expect(ended.rowCount).toBeGreaterThan(0)
    await until(lost(channel))
    await until(current(channel))
    expect(caughtUp()).toBe(2)
    await notify('ending', 'again')
    await until(async () => heard.includes('again'))
  })

  test('a notification channel on a silent connection is not current, and reconnects', async () => {
    const wire = await openWire()
    const { channel, caughtUp } = listenTo('silent', wire.config)
    channel.start()
    await until(current(channel))
    wire.setCut(true)
    await until(lost(channel))
    wire.setCut(false)
    await until(current(channel))
    expect(caughtUp()).toBeGreaterThan(1)
  })

  test('a notification channel without a server is not current, and can be stopped', async () => {
    const { channel } = listenTo('nowhere', { ...postgres, host: '127.0.0.1', port: 1 })
    channel.start()
    await new Promise((resolve) => setImmediate(resolve))
    expect(channel.isCurrent()).toBe(false)
    await channel.stop()
  })
})
