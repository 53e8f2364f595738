import { afterAll } from 'bun:test'
import { connect, createServer, type Socket } from 'node:net'
import type { Caller } from '../../src/actor'
import type { Config } from '../../src/config'
import type { TestApp } from './app'
import { openCopy } from './copies'

/**
 * The same app, connected to PostgreSQL through a proxy that counts round trips: each ReadyForQuery of the server ends
 * a round trip. `measure` returns the round trips of a piece of work on connections that are open already.
 */
export async function countRoundTrips(t: TestApp) {
  let count = 0
  const server = createServer((client) => forward(client, t.deps.config.postgres, () => count++))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const copy = openCopy(t, { POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: String(port) })
  afterAll(() => server.close())
  // Sessions are checked over the connections of `t`: the queries of that check come at unpredictable times.
  copy.deps.authenticate = t.deps.authenticate
  return {
    deps: copy.deps,
    as: (actor: Caller) => copy.as(actor),
    anonymous: copy.anonymous,
    async measure<T>(work: () => Promise<T>): Promise<{ answer: T; roundTrips: number }> {
      const before = count
      const answer = await work()
      return { answer, roundTrips: count - before }
    },
  }
}

function forward(client: Socket, { host, port }: Config['postgres'], onReady: () => void): void {
  const upstream = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host)
  client.pipe(upstream)
  const watch = messageTypes((type) => {
    if (type === 'Z') onReady()
  })
  upstream.on('data', (chunk: Buffer) => {
    watch(chunk)
    client.write(chunk)
  })
  for (const [one, other] of [
    [client, upstream],
    [upstream, client],
  ] as const)
    one.on('close', () => other.destroy()).on('error', () => other.destroy())
}

/** Reads the messages of the server: one byte of type, four bytes of length, and the content. */
function messageTypes(onMessage: (type: string) => void): (chunk: Uint8Array) => void {
  let header: number[] = []
  let skip = 0
  return (chunk) => {
    for (let i = 0; i < chunk.length; ) {
      if (skip > 0) {
        const step = Math.min(skip, chunk.length - i)
        skip -= step
        i += step
        continue
      }
      header.push(chunk[i++]!)
      if (header.length < 5) continue
      const [type, ...length] = header as [number, number, number, number, number]
      onMessage(String.fromCharCode(type))
      skip = length.reduce((sum, byte) => sum * 256 + byte) - 4
      header = []
    }
  }
}
