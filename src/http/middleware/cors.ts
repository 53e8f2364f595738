import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import type { Deps } from '../../deps'
import type { HttpEnv } from '../request'

const LOCAL = /^http:\/\/localhost(:\d{1,5})?$/

const EXPOSED = [
  'ETag',
  'Location',
  'X-Request-Id',
  'Retry-After',
  'RateLimit',
  'RateLimit-Policy',
  'Idempotent-Replayed',
]

/**
 * CORS for the configured origins and, outside production, for any port of localhost. hono/cors only answers preflights
 * here: on other answers it would turn every body into a stream, which costs more than most answers do.
 */
export function allowOrigins({ config }: Deps): MiddlewareHandler<HttpEnv> {
  const known = new Set(config.corsOrigins)
  const allowed = (origin: string) => (known.has(origin) || (!config.production && LOCAL.test(origin)) ? origin : null)
  const answerPreflight = cors({
    origin: allowed,
    allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Request-Id'],
    exposeHeaders: EXPOSED,
    maxAge: 600,
  })
  return async (c, next) => {
    // Without this header, OPTIONS is no preflight: it asks for the allowed methods.
    if (c.req.method === 'OPTIONS' && c.req.header('access-control-request-method')) return answerPreflight(c, next)
    await next()
    const origin = allowed(c.req.header('origin') ?? '')
    if (origin) c.res.headers.set('Access-Control-Allow-Origin', origin)
    c.res.headers.set('Access-Control-Expose-Headers', EXPOSED.join(','))
    c.res.headers.append('Vary', 'Origin')
  }
}
