import { get } from 'node:http'
import { createServer } from 'node:net'
import { EmbeddedDatabaseError } from './error'

/** @throws EmbeddedDatabaseError when something listens there already. */
export async function assertPortIsFree(port: number): Promise<void> {
  const server = createServer()
  const failure = await new Promise<{ code?: string } | undefined>((done) => {
    server.once('error', done).listen(port, () => server.close(() => done(undefined)))
  })
  if (!failure) return
  const reason = failure.code === 'EADDRINUSE' ? 'is already in use' : `cannot be listened on (${failure.code})`
  throw new EmbeddedDatabaseError(
    `Port ${port} ${reason}: stop what uses it, or choose another one by PORT=${port + 1}.`,
  )
}

/** Whether the API behind this port says that it can serve. */
export function isReady(port: number): Promise<boolean> {
  return new Promise((done) => {
    // Not fetch: it would go through HTTP_PROXY.
    get({ host: 'localhost', port, path: '/health/ready', timeout: 2000 }, (response) => {
      response.resume()
      done(response.statusCode === 200)
    })
      .on('timeout', () => done(false))
      .on('error', () => done(false))
  })
}
