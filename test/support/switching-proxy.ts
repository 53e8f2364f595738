import { afterAll } from 'bun:test'
import { createServer } from 'node:net'
import { connectTo, tie } from './forwarding'

type Target = Parameters<typeof connectTo>[0]

/**
 * A TCP proxy before several database servers, as in a failover: `lead` sends new connections to another server, and those
 * that are open stay where they are.
 */
export async function switchingProxy(first: Target) {
  let target = first
  const server = createServer((client) => {
    const upstream = connectTo(target)
    client.pipe(upstream).pipe(client)
    tie(client, upstream)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  afterAll(() => void server.close())
  return {
    port: (server.address() as { port: number }).port,
    lead: (to: Target) => {
      target = to
    },
  }
}
