import { createServer, type Socket } from 'node:net'
import { connectTo, tie } from './forwarding'

export type Traffic = { roundTrips: number; bytesSent: number }

/**
 * A proxy on loopback in front of PostgreSQL. It counts round trips, each of which ends with a ReadyForQuery of the server,
 * and the bytes that the clients send.
 */
export async function startCountingProxy(target: { host: string; port: number }) {
  const traffic: Traffic = { roundTrips: 0, bytesSent: 0 }
  const server = createServer((client) => forward(client, target, traffic))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    traffic,
    close: () => void server.close(),
  }
}

function forward(client: Socket, target: { host: string; port: number }, traffic: Traffic): void {
  const upstream = connectTo(target)
  client.on('data', (chunk: Buffer) => {
    traffic.bytesSent += chunk.length
    upstream.write(chunk)
  })
  const watch = messageTypes((type) => {
    if (type === 'Z') traffic.roundTrips++
  })
  upstream.on('data', (chunk: Buffer) => {
    watch(chunk)
    client.write(chunk)
  })
  tie(client, upstream)
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
