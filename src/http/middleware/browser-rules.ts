import type { MiddlewareHandler } from 'hono'
import { cors } from 'hono/cors'
import { secureHeaders } from 'hono/secure-headers'
import type { Deps } from '../../deps'
import type { HttpEnv } from '../request'

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

const EXPOSED = ['ETag', 'Location', 'X-Request-Id', 'Retry-After', 'RateLimit', 'Idempotent-Replayed']

/**
 * CORS for the configured origins and, outside production, for any port of localhost. hono/cors answers preflights only:
 * on other answers it sets its headers in a way that turns every body into a stream, which costs more than most answers.
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
    // An OPTIONS that is no preflight asks what an address knows.
    if (c.req.method === 'OPTIONS' && c.req.header('access-control-request-method')) return answerPreflight(c, next)
    await next()
    const origin = allowed(c.req.header('origin') ?? '')
    if (origin) c.res.headers.set('Access-Control-Allow-Origin', origin)
    c.res.headers.set('Access-Control-Expose-Headers', EXPOSED.join(','))
    c.res.headers.append('Vary', 'Origin')
  }
}
