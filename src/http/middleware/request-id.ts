import { createMiddleware } from 'hono/factory'
import { newId } from '../../database/ids'
import type { Deps } from '../../deps'
import { invalid } from '../../errors'
import { callerAddress, formatAddress, parseNetwork } from '../../ip-address'
import type { HttpEnv } from '../request'

const VALID = /^[A-Za-z0-9._:-]{1,128}$/

/** Sets the id of the request (a valid X-Request-Id is kept) and the caller's address. */
export function identifyRequest({ config }: Deps) {
  const trusted = config.trustedProxies.map((text) => parseNetwork(text)!)
  return createMiddleware<HttpEnv>(async (c, next) => {
    const sent = c.req.header('x-request-id')
    const requestId = sent && VALID.test(sent) ? sent : newId()
    const peer = c.env?.peerAddress
    const address = peer && callerAddress(peer, c.req.header('x-forwarded-for'), trusted)
    c.set('requestId', requestId)
    c.set('ip', address ? formatAddress(address) : null)
    await next()
    c.res.headers.set('X-Request-Id', requestId)
  })
}

/** Throws 422 for a Host header like `[`, which makes no valid URL: all code after this may parse the request's URL. */
export const requireValidHost = createMiddleware<HttpEnv>(async (c, next) => {
  if (!URL.canParse(c.req.url)) throw invalid('header.Host', 'is not a host name')
  await next()
})
