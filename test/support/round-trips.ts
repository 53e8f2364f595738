import { afterAll } from 'bun:test'
import type { Caller } from '../../src/actor'
import type { TestApp } from './app'
import { openCopy } from './copies'
import { startCountingProxy } from './counting-proxy'

/**
 * The same app, connected to PostgreSQL through a proxy that counts round trips. `measure` returns the round trips of a piece of
 * work on connections that are open already.
 */
export async function countRoundTrips(t: TestApp) {
  const proxy = await startCountingProxy(t.deps.config.postgres)
  const copy = openCopy(t, { POSTGRESQL_HOST: '127.0.0.1', POSTGRESQL_PORT: String(proxy.port) })
  afterAll(proxy.close)
  // Sessions are checked over the connections of `t`: the queries of that check come at unpredictable times.
  copy.deps.authenticate = t.deps.authenticate
  return {
    deps: copy.deps,
    as: (actor: Caller) => copy.as(actor),
    anonymous: copy.anonymous,
    async measure<T>(work: () => Promise<T>): Promise<{ answer: T; roundTrips: number }> {
      const before = proxy.traffic.roundTrips
      const answer = await work()
      return { answer, roundTrips: proxy.traffic.roundTrips - before }
    },
  }
}
