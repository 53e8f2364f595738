import { afterAll, setDefaultTimeout } from 'bun:test'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/tokens'
import { readConfig } from '../../src/config'
import type { Actor } from '../../src/deps'
import { closeDeps, openDeps } from '../../src/open-deps'
import { createClient } from './client'
import { createDatabases } from './databases'
import { TEST_ENVIRONMENT } from './environment'
import { createFactories } from './factories'

/** A Monday, noon in London, seven in the morning in New York. */
export const NOW = new Date('2026-01-05T12:00:00Z')

/**
 * The real app on databases of its own, closed after the test file. The clock stands still at `NOW` until
 * `t.clock.set(…)` or `t.clock.advance(ms)`.
 */
export async function createTestApp(environment: Record<string, string> = {}) {
  // Holds for one file; Bun 1.4 has no setting for all of them, and its 5 s are short on a busy machine.
  setDefaultTimeout(20_000)
  const databases = await createDatabases()
  const { postgres } = databases
  const env = {
    ...TEST_ENVIRONMENT,
    POSTGRESQL_HOST: postgres.host,
    POSTGRESQL_PORT: String(postgres.port),
    POSTGRESQL_USER: postgres.user,
    POSTGRESQL_PASSWORD: postgres.password,
    POSTGRESQL_DATABASE: postgres.database,
    MONGODB_URI: databases.mongoUri,
    MONGODB_DATABASE: databases.mongoDatabase,
    ...environment,
  }
  const config = readConfig(env)
  const clock = createClock()
  const deps = openDeps(config, { clock: clock.now })
  const app = createApp(deps)
  afterAll(async () => {
    await closeDeps(deps)
    databases.discard()
  })

  const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
  return {
    env,
    deps,
    db: deps.db,
    app,
    clock,
    /** Requests without a token. */
    anonymous: createClient(request),
    /** Requests of somebody the factories made. */
    as: (actor: Actor) => createClient(request, () => signAccessToken(config, actor, deps.clock())),
    ...createFactories(deps),
  }
}

export type TestApp = Awaited<ReturnType<typeof createTestApp>>

function createClock() {
  let time = NOW.getTime()
  return {
    now: () => new Date(time),
    set: (date: Date | string) => {
      time = new Date(date).getTime()
    },
    advance: (ms: number) => {
      time += ms
    },
  }
}
