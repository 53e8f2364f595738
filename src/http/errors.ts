import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Deps } from '../deps'
import { AppError } from '../errors'
import { problemResponse, toAppError } from './problem'
import type { RequestVariables } from './request'

/** Everything that is thrown, and every address that leads nowhere, is answered as a problem. */
export function answerErrors(app: OpenAPIHono<{ Variables: RequestVariables }>, { log }: Deps): void {
  app.onError((thrown, c) => {
    const error = toAppError(thrown)
    if (error.code === 'internal' || error.code === 'unavailable')
      log.error({ error, requestId: c.get('requestId') }, 'request failed')
    return problemResponse(c, error)
  })
  app.notFound((c) => {
    const allow = methodsAt(app, c.req.path)
    if (allow.length === 0) return problemResponse(c, new AppError('not_found', 'There is nothing at this address.'))
    const detail = `This address knows ${allow.join(', ')}.`
    return problemResponse(c, new AppError('method_not_allowed', detail, {}, { Allow: allow.join(', ') }))
  })
}

/** Methods of the routes whose pattern matches `path`. */
function methodsAt(app: OpenAPIHono<{ Variables: RequestVariables }>, path: string): string[] {
  const segments = path.split('/')
  const methods = app.routes
    .filter((route) => route.method !== 'ALL' && matches(route.path.split('/'), segments))
    .map((route) => route.method)
  return [...new Set(methods)].sort()
}

const matches = (pattern: string[], segments: string[]) =>
  pattern.length === segments.length &&
  pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
