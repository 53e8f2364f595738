import { afterAll } from 'bun:test'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/tokens'
import type { Actor } from '../../src/deps'
import { closeDeps, openDeps } from '../../src/open-deps'
import type { TestApp } from './app'
import { createClient } from './client'
import { readPatientConfig } from './environment'

/** Another copy of the API on the same databases, with connections, lanes and memory of its own, and a clock if one is given. */
export function openCopy(
  t: Pick<TestApp, 'env' | 'clock'>,
  environment: Record<string, string> = {},
  clock: () => Date = t.clock.now,
) {
  const config = readPatientConfig({ ...t.env, ...environment })
  const deps = openDeps(config, { clock })
  const app = createApp(deps)
  afterAll(() => closeDeps(deps))
  const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
  return {
    deps,
    anonymous: createClient(request),
    as: (actor: Actor) => createClient(request, () => signAccessToken(config, actor, clock())),
  }
}
