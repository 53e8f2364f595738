import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { problemResponse, toAppError } from '../problem'
import type { HttpEnv } from '../request'
import { PROBES } from './observe'

/** Answers every thrown error, every unknown address and every unknown method with a problem. */
export function answerErrors(app: OpenAPIHono<HttpEnv>, { log, draining }: Deps): void {
  app.onError((thrown, c) => {
    const error = toAppError(thrown)
    const requestId = c.get('requestId')
    if (error.code === 'internal') log.error({ error, requestId }, 'request failed')
    // A 503 is an expected state, not a bug: the detail says what, and the cause needs no stack.
    if (error.code === 'unavailable' && !(draining.value && PROBES.test(c.req.path)))
      log.warn({ reason: error.detail, ...causeOf(error), requestId }, 'request refused for now')
    return problemResponse(c, error)
  })
  app.notFound((c) => {
    // What load balancers ask without a configured path.
    if (c.req.method === 'OPTIONS' && c.req.path === '/') return c.body(null, 204, { Allow: 'OPTIONS' })
    const allow = methodsAt(app, c.req.path)
    if (allow.length === 0) return problemResponse(c, new AppError('not_found', 'There is nothing at this address.'))
    if (c.req.method === 'OPTIONS') return c.body(null, 204, { Allow: allow.join(', ') })
    const detail = `Allowed methods: ${allow.join(', ')}.`
    return problemResponse(c, new AppError('method_not_allowed', detail, {}, { Allow: allow.join(', ') }))
  })
}

/** The name and code of what made a part of the system unavailable. */
function causeOf({ cause }: AppError): { cause?: string; code?: unknown } {
  if (!(cause instanceof Error)) return {}
  return { cause: cause.name, code: (cause as { code?: unknown }).code }
}

/** The allowed methods of a path. GET implies HEAD. */
function methodsAt(app: OpenAPIHono<HttpEnv>, path: string): string[] {
  const segments = path.split('/')
  const methods = app.routes
    .filter((route) => route.method !== 'ALL' && matches(route.path.split('/'), segments))
    .flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]))
  return methods.length === 0 ? [] : [...new Set([...methods, 'OPTIONS'])].sort()
}

const matches = (pattern: string[], segments: string[]) =>
  pattern.length === segments.length &&
  pattern.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))
