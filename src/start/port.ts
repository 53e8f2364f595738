import { get } from 'node:http'

type Address = { host: string; port: number }

/** Another copy that is starting, stopping or without PostgreSQL names no database: it is asked again this often. */
const ATTEMPTS = 20
const BETWEEN_ATTEMPTS_MS = 500
const ANSWER_MS = 3_000
/** Each new connection reaches any of the processes that share the port. */
const CONNECTIONS = 10

/**
 * Resolves with a reason not to serve this port together with the processes that do already, or undefined. Only copies on
 * the database with the id `own` may share a port: a client reaches any of them.
 */
export async function refuseSharing(address: Address, own: string): Promise<string | undefined> {
  const { host, port } = address
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = new Set(await Promise.all(Array.from({ length: CONNECTIONS }, () => findDatabaseAt(address))))
    if ([...found].some((id) => typeof id === 'string' && id !== own))
      return `Port ${port} on ${host} is in use by a copy of the API on another database: use its database, or set PORT.`
    if (!found.has(null)) return undefined
    await Bun.sleep(BETWEEN_ATTEMPTS_MS)
  }
  return `Port ${port} on ${host} is in use, and its /health/ready names no database: stop what uses it, or set PORT.`
}

/** The id that `/health/ready` names: null for an answer without an id, undefined if nothing listens. */
function findDatabaseAt({ host, port }: Address): Promise<string | undefined | null> {
  const local = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  return new Promise((resolve) => {
    // Not fetch: it would go through HTTP_PROXY.
    const options = { host: local, port, path: '/health/ready', timeout: ANSWER_MS, agent: false }
    const request = get(options, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(readId(text)))
      response.on('error', () => resolve(null))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', (error: { code?: string }) => resolve(error.code === 'ECONNREFUSED' ? undefined : null))
  })
}

function readId(text: string): string | null {
  try {
    const { database } = JSON.parse(text) as { database?: unknown }
    return typeof database === 'string' ? database : null
  } catch {
    return null
  }
}
