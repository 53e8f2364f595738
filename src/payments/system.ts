import { newId } from '../database/ids'
import type { Context, Deps } from '../deps'

/** Nobody's request: what jobs, webhooks and time do. `source` says which in the audit trail. */
export const systemContext = (deps: Deps, source: string): Context<null> => ({
  ...deps,
  actor: null,
  now: deps.clock(),
  requestId: `${source}-${newId()}`,
  ip: null,
  userAgent: null,
})
