import { afterAll } from 'bun:test'
import { createServer, type Socket } from 'node:net'
import { connectTo, tie } from './forwarding'

type Target = Parameters<typeof connectTo>[0]

/**
 * A TCP proxy before several database servers, as in a failover: `lead` sends new connections to another server, and those
 * that are open stay where they are. Between `hold` and `release` it keeps what the servers send.
 */
export async function switchingProxy(first: Target) {
  let target = first
  let isHeld = false
  const open = new Set<{ client: Socket; upstream: Socket }>()
  const server = createServer((client) => {
    const upstream = connectTo(target)
    const pair = { client, upstream }
    open.add(pair)
    client.on('close', () => open.delete(pair)).pipe(upstream)
    if (!isHeld) upstream.pipe(client)
    tie(client, upstream)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close())
  return {
    port: (server.address() as { port: number }).port,
    lead: (to: Target) => {
      target = to
    },
    hold: () => {
      isHeld = true
      for (const { client, upstream } of open) upstream.unpipe(client)
    },
    release: () => {
      isHeld = false
      for (const { client, upstream } of open) upstream.pipe(client)
    },
  }
}
