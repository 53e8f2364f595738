import { createServer } from 'node:http'
import { createApp } from '../../src/app'
import { readConfig } from '../../src/config'
import { closeDeps, openDeps } from '../../src/open-deps'

/** The same app under plain Node: its HTTP server on one side, `fetch` on the other, nothing in between. */
const deps = openDeps(readConfig(process.env))
const app = createApp(deps)

const server = createServer(async (incoming, outgoing) => {
  const chunks: Buffer[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const { method = 'GET' } = incoming
  const request = new Request(`http://localhost${incoming.url}`, {
    method,
    headers: Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    body: method === 'GET' || method === 'HEAD' ? undefined : Buffer.concat(chunks),
  })
  const response = await app.fetch(request, { peerAddress: incoming.socket.remoteAddress })
  outgoing.writeHead(response.status, Object.fromEntries(response.headers))
  outgoing.end(Buffer.from(await response.arrayBuffer()))
})

server.listen(0, '127.0.0.1', () => console.log(JSON.stringify(server.address())))
process.on('SIGTERM', () => server.close(() => void closeDeps(deps).then(() => process.exit(0))))
