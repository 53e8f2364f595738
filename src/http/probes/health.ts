import { z } from '@hono/zod-openapi'
import { sql } from 'kysely'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { answer } from '../answer'
import { withinDeadline } from '../deadline'
import { operation } from '../operations/operation'
import { createRouter } from '../operations/router'
import { Problem } from '../schemas'

const CHECK_MS = 1_000

const Liveness = z.object({ status: z.literal('ok') }).openapi('Liveness', { example: { status: 'ok' } })

const Check = z.enum(['up', 'down']).openapi('HealthCheck')
const Checks = z.object({ postgres: Check, mongo: Check })
const Readiness = z
  .object({ status: z.enum(['ok', 'degraded']), checks: Checks })
  .openapi('Readiness', { example: { status: 'ok', checks: { postgres: 'up', mongo: 'up' } } })
const NotReady = Problem.extend({ checks: Checks.optional() }).openapi('NotReadyProblem', {
  description: '`checks` shows which database is down; it is missing while the process is stopping.',
})

const livenessOperation = operation({
  method: 'get',
  path: '/health/live',
  tag: 'Operations',
  operationId: 'checkLiveness',
  summary: 'Check liveness',
  description: 'Uses no database. Restart the process if it does not answer.',
  access: 'public',
  who: 'anyone',
  rateLimit: 'none',
  answer: { status: 200, description: 'The process is running', schema: Liveness },
})

const readinessOperation = operation({
  method: 'get',
  path: '/health/ready',
  tag: 'Operations',
  operationId: 'checkReadiness',
  summary: 'Check readiness',
  description:
    'Ready while PostgreSQL answers and the process is not stopping. Without MongoDB the status is `degraded`: clinical operations answer 503, all others work.',
  access: 'public',
  who: 'anyone',
  rateLimit: 'none',
  answer: { status: 200, description: 'The process accepts requests', schema: Readiness },
  problemSchemas: { 503: NotReady },
})

/** Probes for orchestrators and load balancers. */
export function healthRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)
  const checkDatabases = oneAtATime(() => check(deps))

  read(livenessOperation, async () => answer({ status: 'ok' as const }))

  read(readinessOperation, async ({ draining }) => {
    if (draining.value) throw new AppError('unavailable', 'This process is stopping.')
    const checks = await checkDatabases()
    if (checks.postgres === 'down') throw new AppError('unavailable', 'PostgreSQL does not answer.', { checks })
    return answer({ status: checks.mongo === 'up' ? ('ok' as const) : ('degraded' as const), checks })
  })

  return app
}

async function check({ db, mongo }: Deps): Promise<z.infer<typeof Checks>> {
  const [postgres, documents] = await Promise.all([
    isUp(() => sql`select 1`.execute(db)),
    isUp(() => mongo.db.command({ ping: 1 })),
  ])
  return { postgres, mongo: documents }
}

async function isUp(ask: () => Promise<unknown>): Promise<'up' | 'down'> {
  try {
    await withinDeadline(CHECK_MS, ask)
    return 'up'
  } catch {
    return 'down'
  }
}

/** Calls during a running call get its result, so that many probes cannot load a database. */
function oneAtATime<T>(task: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= task().finally(() => {
      running = undefined
    })
    return running
  }
}
