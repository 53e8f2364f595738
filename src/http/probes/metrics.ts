import { z } from '@hono/zod-openapi'
import type { MiddlewareHandler } from 'hono'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { answer } from '../answer'
import { operation } from '../operations/operation'
import { createRouter } from '../operations/router'
import type { HttpEnv } from '../request'

const metricsOperation = operation({
  method: 'get',
  path: '/metrics',
  tag: 'Operations',
  operationId: 'readMetrics',
  summary: 'Get Prometheus metrics',
  description:
    'Request durations by route and status; gauges of the connection pool, the process, the databases and waiting work. If `METRICS_TOKEN` is set, send it as Bearer token. In production it must be set: otherwise the answer is 404.',
  access: 'public',
  rateLimit: 'none',
  who: 'callers with the metrics token; outside production anyone, if no token is set',
  answer: {
    status: 200,
    description: 'Prometheus text format 0.0.4',
    schema: z.string().max(10_000_000).openapi({ example: 'postgres_pool_waiting 0\n' }),
    contentType: 'text/plain',
  },
  problems: ['unauthenticated', 'not_found'],
})

export function metricsRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)
  app.use('/metrics', requireToken(deps))
  read(metricsOperation, async ({ metrics }) =>
    answer(await metrics.expose(), { headers: { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' } }),
  )
  return app
}

function requireToken({ config: { metricsToken, production } }: Deps): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    if (metricsToken === undefined && production) throw new AppError('not_found', 'There is nothing at this address.')
    if (metricsToken !== undefined && !(await isSame(c.req.header('authorization') ?? '', `Bearer ${metricsToken}`)))
      throw new AppError('unauthenticated', 'Send the metrics token as a Bearer token.')
    await next()
  }
}

/** Compares in constant time: digests of equal length, always to their end. */
async function isSame(a: string, b: string): Promise<boolean> {
  const [left, right] = await Promise.all([a, b].map(sha256))
  return left!.reduce((difference, byte, i) => difference | (byte ^ right![i]!), 0) === 0
}

const sha256 = async (text: string) =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
