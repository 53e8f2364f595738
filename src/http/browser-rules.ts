import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import type { Deps } from '../deps'
import type { HttpEnv } from './request'

const NOTHING = ["'none'"]
const SELF = ["'self'"]

const forAnswers = secureHeaders({
  contentSecurityPolicy: { defaultSrc: NOTHING, frameAncestors: NOTHING },
  xFrameOptions: 'DENY',
})

const forDocs = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: NOTHING,
    scriptSrc: SELF,
    styleSrc: SELF,
    connectSrc: SELF,
    imgSrc: ["'self'", 'data:'],
    baseUri: NOTHING,
    formAction: NOTHING,
    frameAncestors: NOTHING,
  },
  xFrameOptions: 'DENY',
})

/**
 * Tells browsers to trust an answer with nothing, unless it brings a policy of its own; only the documentation may run
 * scripts, and only its own.
 */
export const guardBrowsers: MiddlewareHandler<HttpEnv> = async (c, next) => {
  let own: string | null = null
  await (/^\/docs(\/|$)/.test(c.req.path) ? forDocs : forAnswers)(c, async () => {
    await next()
    own = c.res.headers.get('content-security-policy')
  })
  if (own) c.res.headers.set('Content-Security-Policy', own)
}

const LOCAL = /^http:\/\/localhost(:\d{1,5})?$/

/** CORS for the configured origins and, outside production, for any port of localhost. */
export function allowOrigins({ config }: Deps): MiddlewareHandler<HttpEnv> {
  const known = new Set(config.corsOrigins)
  const share = cors({
    origin: (origin) => (known.has(origin) || (!config.production && LOCAL.test(origin)) ? origin : null),
    allowMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
    allowHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key', 'If-Match', 'X-Request-Id'],
    exposeHeaders: ['ETag', 'Location', 'X-Request-Id', 'Retry-After', 'RateLimit', 'Idempotent-Replayed'],
    maxAge: 600,
  })
  // hono/cors answers every OPTIONS; one that is not a preflight asks what an address knows.
  return (c, next) =>
    c.req.method === 'OPTIONS' && !c.req.header('access-control-request-method') ? next() : share(c, next)
}
