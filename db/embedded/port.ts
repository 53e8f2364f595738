import { get } from 'node:http'
import { createServer } from 'node:net'
import { EmbeddedDatabaseError } from './error'

/**
 * Waits at most `patience` milliseconds for the port to become free.
 * @throws EmbeddedDatabaseError when it stays in use.
 */
export async function assertPortIsFree(port: number, { patience }: { patience: number }): Promise<void> {
  const until = Date.now() + patience
  while (true) {
    const failure = await tryToListen(port)
    if (failure === undefined) return
    if (failure !== 'EADDRINUSE')
      throw new EmbeddedDatabaseError(`Cannot listen on port ${port} (${failure}): set PORT.`)
    if (Date.now() >= until) break
    await Bun.sleep(50)
  }
  throw new EmbeddedDatabaseError(
    `Port ${port} is already in use: stop what uses it, or choose another one by PORT=${port + 1}.`,
  )
}

/** The error code when listening fails. */
function tryToListen(port: number): Promise<string | undefined> {
  return new Promise((done) => {
    const server = createServer()
    server
      .once('error', (error: { code?: string }) => done(error.code ?? 'unknown'))
      .listen(port, () => server.close(() => done(undefined)))
  })
}

/** Whether the API on this port reports that it is ready. */
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
