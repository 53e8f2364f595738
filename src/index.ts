import { createApp } from './app'
import { type Config, ConfigError, readConfig } from './config'
import { findDatabaseId } from './database/identity'
import { prepareMongo } from './database/mongo'
import type { Deps } from './deps'
import { jobHandlers } from './job-handlers'
import { startMaintenance } from './maintenance'
import { closeDeps, openDeps } from './open-deps'
import type { RunningTasks } from './repeating-tasks'
import { refuseSharing } from './start/port'
import { preparePostgres } from './start/postgres'

type Server = Bun.Server<undefined>

const DRAIN_MS = 25_000
/** Requests whose bodies still arrive then are refused. */
const BODY_MS = 5_000
/** Background work and pools get this long to end. What still runs then is safe to cut off. */
const CLOSE_MS = 5_000
/** Between listening and the first background work. */
const BACKGROUND_MS = 250

const { config, deps } = openConfigured()
const { log } = deps
const bodyEnd = new AbortController()
let stop: (code: number) => void = (code) => process.exit(code)
handleSignals()
reportStrayErrors()
// No `await` at the top level: bytecode is made of CommonJS, which has none.
void start().catch((error) => {
  console.error(error)
  process.exit(1)
})

async function start(): Promise<void> {
  const reason = await preparePostgres(config, log)
  if (reason) fail(reason)
  const server = await listen()
  const background = startBackground()
  stop = (code) => {
    stop = () => {}
    void stopInOrder(server, background.stop).then(() => process.exit(code))
  }
  announce(server)
}

/** The first requests go first: a container that starts for a request is to answer it. */
function startBackground(): RunningTasks {
  const preparing = new AbortController()
  let tasks: RunningTasks[] = []
  const timer = setTimeout(() => {
    void prepareMongo(deps.mongo, preparing.signal, (reason) => log.error({ reason }, 'MongoDB could not be prepared'))
    tasks = [startMaintenance(deps), deps.jobs.work(jobHandlers(deps))]
  }, BACKGROUND_MS)
  return {
    async stop() {
      clearTimeout(timer)
      preparing.abort()
      await Promise.all(tasks.map((running) => running.stop()))
    },
  }
}

function openConfigured(): { config: Config; deps: Deps } {
  try {
    const config = readConfig(process.env)
    return { config, deps: openDeps(config) }
  } catch (error) {
    if (error instanceof ConfigError) fail(error.message)
    throw error
  }
}

async function listen() {
  if (config.reusePort) await failUnlessSharable()
  const server = serve()
  // Another copy may have started in the same moment.
  if (config.reusePort) await failUnlessSharable()
  return server
}

function serve() {
  const app = createApp(deps)
  try {
    return Bun.serve({
      hostname: config.host,
      port: config.port,
      // Longer than any request: Bun counts the wait for an answer as idle.
      idleTimeout: 60,
      // The app limits bodies itself and answers with a problem. Bun streams, so nothing larger is held in memory.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
      development: false,
      // By default `development: false` turns it on, and two copies share a port without a word.
      reusePort: config.reusePort,
      fetch: (request, server) => {
        const peerAddress = server.requestIP(request)?.address
        return app.fetch(request, { peerAddress, bodyEnd: bodyEnd.signal })
      },
      error(error) {
        log.error({ error }, 'a request failed outside of the app')
        return new Response(null, { status: 500 })
      },
    })
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'EADDRINUSE') fail(`Port ${config.port} on ${config.host} is in use: stop what uses it, or set PORT.`)
    fail(`Cannot listen on ${config.host}:${config.port} (${code ?? 'unknown reason'}): set HOST and PORT.`)
  }
}

async function failUnlessSharable(): Promise<void> {
  if (config.port === 0) return
  const reason = await refuseSharing(config, await findDatabaseId(deps.postgres))
  if (reason) fail(reason)
}

function announce(server: Server): void {
  log.info(
    {
      address: `${server.url}`,
      environment: config.environment,
      postgres: `${config.postgres.host}:${config.postgres.port}`,
      mongo: deps.mongo.client.options.hosts.map(String),
      redis: config.redisUrl && new URL(config.redisUrl).host,
    },
    'listening',
  )
  for (const weakness of config.weaknesses) log.warn({}, `WEAK SETTING: ${weakness}`)
  if (config.production && !config.rateLimit) log.warn({}, 'RATE_LIMIT is off: nothing slows down password guessing')
}

/** The first signal stops in order, a second one at once. */
function handleSignals(): void {
  let asked = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (asked) process.exit(1)
      asked = true
      log.info({ signal }, 'stopping')
      stop(0)
    })
  }
}

/** An unhandled rejection must not end other requests. After an uncaught exception the state is unknown: stop. */
function reportStrayErrors(): void {
  process.on('unhandledRejection', (error) => log.error({ error }, 'unhandled rejection'))
  process.on('uncaughtException', (error) => {
    log.error({ error }, 'uncaught exception: stopping')
    stop(1)
  })
}

async function stopInOrder(server: Server, stopBackground: () => Promise<void>): Promise<void> {
  deps.draining.value = true
  await Bun.sleep(config.shutdownDelaySeconds * 1_000)
  setTimeout(() => bodyEnd.abort(), BODY_MS)
  await Promise.race([server.stop(), Bun.sleep(DRAIN_MS)])
  if (server.pendingRequests > 0) log.warn({ requests: server.pendingRequests }, 'requests were cut off')
  await server.stop(true)
  await Promise.race([stopBackground().then(() => closeDeps(deps)), Bun.sleep(CLOSE_MS)])
  log.info({}, 'stopped')
}

/** Ends the process with one sentence for the operator, without a stack. */
function fail(sentence: string): never {
  console.error(sentence)
  process.exit(1)
}
