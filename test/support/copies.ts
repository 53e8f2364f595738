import { afterAll } from 'bun:test'
import { createApp } from '../../src/app'
import { signAccessToken } from '../../src/auth/tokens'
import { readConfig } from '../../src/config'
import type { Actor } from '../../src/deps'
import { closeDeps, openDeps } from '../../src/open-deps'
import type { TestApp } from './app'
import { createClient } from './client'

/** Another copy of the API on the same databases, with connections, lanes and memory of its own. */
export function openCopy(t: TestApp, environment: Record<string, string> = {}) {
  const config = readConfig({ ...t.env, ...environment })
  const deps = openDeps(config, { clock: t.clock.now })
  const app = createApp(deps)
  afterAll(() => closeDeps(deps))
  const request = async (input: Request) => app.fetch(input, { peerAddress: '127.0.0.1' })
  return {
    deps,
    anonymous: createClient(request),
    as: (actor: Actor) => createClient(request, () => signAccessToken(config, actor, t.clock.now())),
  }
}
