import { newId } from './database/ids'
import type { Context, Deps } from './deps'

/** The context of work without a caller: jobs, webhooks, repeating tasks, commands. Request ids begin with `source`. */
export const systemContext = <D extends Pick<Deps, 'clock'>>(deps: D, source: string): D & SystemRequest => ({
  ...deps,
  ...systemRequest(source, deps.clock()),
})

type SystemRequest = Pick<Context<'system'>, 'actor' | 'now' | 'requestId' | 'ip' | 'userAgent'>

/** The request part of a system context, for code that has read the clock already. */
export const systemRequest = (source: string, now: Date): SystemRequest => ({
  actor: 'system',
  now,
  requestId: `${source}-${newId()}`,
  ip: null,
  userAgent: null,
})
