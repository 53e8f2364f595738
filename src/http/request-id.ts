import { createMiddleware } from 'hono/factory'
import { newId } from '../database/ids'
import type { Deps } from '../deps'
import type { RequestVariables } from './request'

const VALID = /^[A-Za-z0-9._:-]{1,128}$/

/** Gives every request an id (a valid one sent in is kept) and the caller's address. */
export const identifyRequest = (_deps: Deps) =>
  createMiddleware<{ Variables: RequestVariables; Bindings: { peerAddress?: string } }>(async (c, next) => {
    const sent = c.req.header('x-request-id')
    const requestId = sent && VALID.test(sent) ? sent : newId()
    c.set('requestId', requestId)
    c.set('ip', c.env?.peerAddress ?? null)
    await next()
    c.res.headers.set('X-Request-Id', requestId)
  })
