import type { MiddlewareHandler } from 'hono'
import { secureHeaders } from 'hono/secure-headers'
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
 * Sets a Content-Security-Policy that forbids everything, unless the answer has its own. Only the documentation may run
 * scripts, and only from this server.
 */
export const guardBrowsers: MiddlewareHandler<HttpEnv> = async (c, next) => {
  let own: string | null = null
  await (/^\/docs(\/|$)/.test(c.req.path) ? forDocs : forAnswers)(c, async () => {
    await next()
    own = c.res.headers.get('content-security-policy')
  })
  if (own) c.res.headers.set('Content-Security-Policy', own)
}
