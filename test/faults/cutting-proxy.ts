import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'

/** Where a connection is cut: before the request, before the answer, in the middle of the answer, or nowhere. */
export type Fate = 'before' | 'unanswered' | 'during' | 'whole'

/** A proxy on loopback that forwards one request per connection to `port` and cuts it as `nextFate` says. */
export async function startCuttingProxy(port: number, nextFate: () => Fate) {
  const server = createServer((client) => carry(client, port, nextFate()))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  }
}

function carry(client: Socket, port: number, fate: Fate): void {
  if (fate === 'before') return void client.destroy()
  const upstream = connect(port, '127.0.0.1')
  const end = () => {
    client.destroy()
    upstream.destroy()
  }
  for (const socket of [client, upstream]) socket.on('error', end)
  client.pipe(upstream)
  upstream.on('data', (chunk: Buffer) => {
    if (fate === 'unanswered') return end()
    if (fate === 'whole') return void client.write(chunk)
    client.write(chunk.subarray(0, chunk.length / 2), end)
  })
  upstream.on('close', () => client.end())
}
