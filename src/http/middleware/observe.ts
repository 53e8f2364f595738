import type { Context as HonoContext } from 'hono'
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import type { Deps } from '../../deps'
import type { HttpEnv } from '../request'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Paths that orchestrators ask every few seconds. */
export const PROBES = /^\/(health\/|metrics$)/

/** Logs and measures every request: ids and the route's pattern, never a path, query, body or address. */
export const observeRequests = ({ log, metrics }: Deps) =>
  createMiddleware<HttpEnv>(async (c, next) => {
    const begun = performance.now()
    await next()
    const ms = performance.now() - begun
    const labels = {
      method: METHODS.has(c.req.method) ? c.req.method : 'OTHER',
      route: routePattern(c),
      status: c.res.status,
    }
    metrics.observeRequest(labels, ms / 1000)
    const { requestId, actorId } = c.var
    const line = { requestId, ...labels, ms: Math.round(ms * 10) / 10, actorId }
    if (PROBES.test(c.req.path)) log.debug(line, 'request')
    else log.info(line, 'request')
  })

/** Middleware matches every method; only a route names one. */
const routePattern = (c: HonoContext<HttpEnv>) =>
  matchedRoutes(c).findLast(({ method }) => method !== 'ALL')?.path ?? 'unmatched'
