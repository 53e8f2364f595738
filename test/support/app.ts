import { afterAll } from 'bun:test'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/tokens'
import { readConfig } from '../../src/config'
import type { Actor } from '../../src/deps'
import { closeDeps, openDeps } from '../../src/open-deps'
import { createClient } from './client'
import { createDatabases } from './databases'
import { createFactories } from './factories'

/** A Monday, noon in London, seven in the morning in New York. */
export const NOW = new Date('2026-01-05T12:00:00Z')

export const TEST_ENVIRONMENT = {
  NODE_ENV: 'test',
  LOG_LEVEL: 'silent',
  JWT_ACCESS_SECRET: 'test-access-0123456789abcdef0123456789',
  JWT_REFRESH_SECRET: 'test-refresh-0123456789abcdef0123456789',
  PASSWORD_PEPPER: 'test-pepper-0123456789abcdef0123456789',
  AUDIT_SIGNING_KEY: 'test-audit-0123456789abcdef0123456789',
  BCRYPT_COST: '4',
  RATE_LIMIT: 'off',
}

/**
 * The real app on databases of its own, closed after the test file. The clock stands still at `NOW` until
 * `t.clock.set(…)` or `t.clock.advance(ms)`.
 */
export async function createTestApp(environment: Record<string, string> = {}) {
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
  afterAll(() => closeDeps(deps))

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
