import { afterAll } from 'bun:test'
import type { Caller } from '../../src/actor'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/sessions/tokens'
import type { Deps } from '../../src/deps'
import { closeDeps, openDeps } from '../../src/open-deps'
import type { TestApp } from './app'
import { createClient } from './client'
import { readPatientConfig } from './environment'

/**
 * Another copy of the API on the same databases, with its own limiters and caches. It shares the clock of `t` unless a
 * clock is given, and opens its own connections unless `postgres` is given.
 */
export function openCopy(
  t: Pick<TestApp, 'env' | 'clock'>,
  environment: Record<string, string> = {},
  clock: () => Date = t.clock.now,
  postgres?: Deps['postgres'],
) {
  const config = readPatientConfig({ ...t.env, ...environment })
  const deps = openDeps(config, { clock, postgres })
  const app = createApp(deps)
  afterAll(() => closeDeps(deps))
  const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
  return {
    deps,
    anonymous: createClient(request),
    as: (actor: Caller) => createClient(request, () => signAccessToken(config, actor, clock())),
  }
}
