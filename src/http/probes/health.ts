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
  description: '`checks` says which database does not answer; it is missing while the process stops.',
})

const livenessOperation = operation({
  method: 'get',
  path: '/health/live',
  tag: 'Operations',
  operationId: 'checkLiveness',
  summary: 'Is the process alive',
  description: 'Touches no database. To be restarted when it does not answer.',
  access: 'public',
  who: 'anyone',
  rateLimit: 'none',
  answer: { status: 200, description: 'It is', schema: Liveness },
})

const readinessOperation = operation({
  method: 'get',
  path: '/health/ready',
  tag: 'Operations',
  operationId: 'checkReadiness',
  summary: 'May requests be sent here',
  description:
    'Ready while PostgreSQL answers and the process is not stopping. Without MongoDB it is `degraded`: clinical routes answer 503, all else works.',
  access: 'public',
  who: 'anyone',
  rateLimit: 'none',
  answer: { status: 200, description: 'Yes', schema: Readiness },
  problemSchemas: { 503: NotReady },
})

/** For whoever starts, restarts and routes to this process. */
export function healthRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)
  const checkDatabases = shared(() => check(deps))

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

/** Calls that come while one is under way get its result: nobody can load a database by asking how it is. */
function shared<T>(task: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined
  return () => {
    running ??= task().finally(() => {
      running = undefined
    })
    return running
  }
}
