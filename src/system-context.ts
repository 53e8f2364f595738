import { newId } from './database/ids'
import type { Context, Deps } from './deps'

/** The context of what no request asks for: jobs, webhooks, repeating tasks, commands. `source` begins its request ids. */
export const systemContext = <D extends Pick<Deps, 'clock'>>(deps: D, source: string): D & SystemRequest => ({
  ...deps,
  ...systemRequest(source, deps.clock()),
})

type SystemRequest = Pick<Context<'system'>, 'actor' | 'now' | 'requestId' | 'ip' | 'userAgent'>

/** The request part of such a context, for code that knows its moment already. */
export const systemRequest = (source: string, now: Date): SystemRequest => ({
  actor: 'system',
  now,
  requestId: `${source}-${newId()}`,
  ip: null,
  userAgent: null,
})
