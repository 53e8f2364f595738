import { createDatabases } from '../support/databases'
import { type Bench, type BenchOptions, median, printTable } from './bench'
import { environmentOf, startApi } from './servers'

const STORM_PER_SECOND = 200
const NOISY = ['192.0.2.1', '192.0.2.2', '192.0.2.3']
const QUIET = '198.51.100.1'
const PASSWORD = 'correct horse battery'

/**
 * Wrong sign-ins from three addresses, and meanwhile right ones from a fourth, one after the other. Rate limits are off, so
 * that the storm reaches the password queue.
 */
export const bench: Bench = {
  title: `${STORM_PER_SECOND} wrong sign-ins a second from ${NOISY.length} addresses, a right one from a fourth`,
  async run({ seconds, rounds }: BenchOptions) {
    const databases = await createDatabases()
    const api = await startApi({ ...environmentOf(databases), BCRYPT_COST: '12', TRUSTED_PROXIES: '127.0.0.1' })
    const signIn = (ip: string, password: string) => send(api.url, '/auth/login', ip, { email: EMAIL, password })
    await send(api.url, '/auth/register', QUIET, ACCOUNT)
    const calm: number[] = []
    for (let i = 0; i < 10; i++) calm.push((await signIn(QUIET, PASSWORD)).ms)

    const stormy: number[] = []
    const statuses: Record<number, number> = {}
    for (let round = 0; round < rounds; round++) {
      const storm: Promise<unknown>[] = []
      let n = 0
      const timer = setInterval(() => {
        for (let i = 0; i < STORM_PER_SECOND / 20; i++)
          storm.push(
            signIn(NOISY[n++ % NOISY.length]!, 'not the right one').then(({ status }) => count(statuses, status)),
          )
      }, 50)
      const end = performance.now() + seconds * 1000
      while (performance.now() < end) {
        const { status, ms } = await signIn(QUIET, PASSWORD)
        if (status !== 200) throw new Error(`a right sign-in answered ${status}`)
        stormy.push(ms)
      }
      clearInterval(timer)
      await Promise.all(storm)
    }
    await api.stop()

    const one = median(calm)
    const row = (name: string, ms: number) => [name, ms.toFixed(0), (ms / one).toFixed(1)]
    printTable(
      ['sign-in', 'ms', '× calm'],
      [
        row('calm, median', one),
        row('in the storm, median', median(stormy)),
        row('in the storm, longest', Math.max(...stormy)),
      ],
    )
    console.log(`\n  answers to the storm: ${JSON.stringify(statuses)}; right sign-ins: ${stormy.length}`)
  },
}

const EMAIL = 'quiet@example.org'
const ACCOUNT = { role: 'patient', email: EMAIL, password: PASSWORD, name: 'Quiet', dateOfBirth: '1990-12-10' }

/** On a connection of its own: `fetch` sends at most 256 requests at once. */
async function send(url: string, path: string, ip: string, body: object): Promise<{ status: number; ms: number }> {
  const { hostname, port } = new URL(url)
  const text = JSON.stringify(body)
  const head = [
    `POST ${path} HTTP/1.1`,
    `host: ${hostname}`,
    'connection: close',
    'content-type: application/json',
    `content-length: ${text.length}`,
    `x-forwarded-for: ${ip}`,
  ]
  const began = performance.now()
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  await Bun.connect({
    hostname,
    port: Number(port),
    socket: {
      open: (socket) => void socket.write(`${head.join('\r\n')}\r\n\r\n${text}`),
      data: (_socket, bytes) => resolve(Number(bytes.toString('latin1', 9, 12))),
      close: () => reject(new Error('the connection was closed without an answer')),
      error: (_socket, error) => reject(error),
    },
  })
  return { status: await promise, ms: performance.now() - began }
}

const count = (statuses: Record<number, number>, status: number) => {
  statuses[status] = (statuses[status] ?? 0) + 1
}
