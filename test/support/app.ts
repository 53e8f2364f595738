import { afterAll, setDefaultTimeout } from 'bun:test'
import type { Caller } from '../../src/actor'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import { closeDeps, openDeps } from '../../src/open-deps'
import { anyOrder } from './any-order'
import { createClient } from './client'
import { readPatientConfig, TEST_ENVIRONMENT } from './environment'
import { createFactories } from './factories'
import { borrowDatabases } from './recycled-databases'

/** A Monday, noon in London, seven in the morning in New York. */
export const NOW = new Date('2026-01-05T12:00:00Z')

/**
 * The real app on databases of its own, closed after the test file. The clock stays at `NOW` until
 * `t.clock.set(…)` or `t.clock.advance(ms)`.
 */
export async function createTestApp(environment: Record<string, string> = {}) {
  // Applies to one file; Bun 1.4 has no setting for all files, and its default of 5 s is short on a busy machine.
  setDefaultTimeout(60_000)
  const databases = environment.POSTGRESQL_HOST === undefined ? await borrowDatabases() : undefined
  const env = { ...TEST_ENVIRONMENT, ...databases?.environment, ...environment }
  const config = readPatientConfig(env)
  const clock = createClock()
  const deps = openDeps(config, { clock: clock.now, postgres: await databases?.openPool(config.postgres) })
  const app = createApp(deps)
  afterAll(async () => {
    await closeDeps(deps)
    await databases?.giveBack()
  })

  const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
  /** For direct reads and writes of the test. */
  const db = deps.db.withPlugin(anyOrder)
  return {
    env,
    deps,
    db,
    /** A query of the audit events in the outbox, in their order. */
    auditEvents: () => db.selectFrom('auditOutbox').orderBy('id'),
    app,
    clock,
    /** Requests without a token. */
    anonymous: createClient(request),
    /** Requests of an actor that the factories made. */
    as: (actor: Caller) => createClient(request, () => signAccessToken(config, actor, deps.clock())),
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
