import { z } from '@hono/zod-openapi'
import { inspectDatabase } from '../../database/identity'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { answer } from '../answer'
import { answerInTime } from '../deadline'
import { operation } from '../operations/operation'
import { createRouter } from '../operations/router'
import { Problem } from '../schemas'

const CHECK_MS = 1_000

const Liveness = z.object({ status: z.literal('ok') }).openapi('Liveness', { example: { status: 'ok' } })

const Check = z.enum(['up', 'down']).openapi('HealthCheck')
const Checks = z.object({ postgres: Check, mongo: Check })
const EXAMPLE_ID = '5f0c6a1be2d94f7c8a3b9d10e4f26c57'
const DatabaseId = z
  .string()
  .length(32)
  .regex(/^[0-9a-f]+$/)
  .openapi({
    description: 'The same for all copies that serve the same data.',
    example: EXAMPLE_ID,
  })
const Readiness = z
  .object({
    status: z.enum(['ok', 'degraded']),
    checks: Checks,
    database: DatabaseId,
    reasons: z.array(z.string().max(300)).max(10).optional(),
  })
  .openapi('Readiness', { example: { status: 'ok', checks: { postgres: 'up', mongo: 'up' }, database: EXAMPLE_ID } })
const NotReady = Problem.extend({ checks: Checks.optional(), database: DatabaseId.optional() }).openapi(
  'NotReadyProblem',
  {
    description:
      '`checks` shows which database is down; it is missing while the process is stopping. `database` is missing until PostgreSQL has answered once.',
  },
)

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
  ignoresInput: true,
  answer: { status: 200, description: 'The process is running', schema: Liveness },
})

const readinessOperation = operation({
  method: 'get',
  path: '/health/ready',
  tag: 'Operations',
  operationId: 'checkReadiness',
  summary: 'Check readiness',
  description:
    'Ready while PostgreSQL answers and accepts writes, and the process is not stopping. Without MongoDB the status is `degraded`: clinical operations answer 503, all others work. `degraded` is also the status while the audit relay has stopped; `reasons` says why.',
  access: 'public',
  who: 'anyone',
  rateLimit: 'none',
  ignoresInput: true,
  answer: { status: 200, description: 'The process accepts requests', schema: Readiness },
  problemSchemas: { 503: NotReady },
  problemExamples: { unavailable: { checks: { postgres: 'down', mongo: 'up' }, database: EXAMPLE_ID } },
})

/** Probes for orchestrators and load balancers. */
export function healthRoutes(deps: Deps) {
  const { app, read } = createRouter(deps)
  const checkDatabases = oneAtATime(() => check(deps))
  let database: string | undefined

  read(livenessOperation, async () => answer({ status: 'ok' as const }))

  read(readinessOperation, async ({ draining, auditRelay }) => {
    if (draining.value) throw new AppError('unavailable', 'This process is stopping.', { database })
    const { checks, ...found } = await checkDatabases()
    database = found.database?.id ?? database
    if (found.database?.readOnly) throw new AppError('unavailable', 'PostgreSQL is read-only.', { checks, database })
    if (!found.database) throw new AppError('unavailable', 'PostgreSQL does not answer.', { checks, database })
    const down = checks.mongo === 'down' ? 'MongoDB does not answer.' : undefined
    const reasons = [down, auditRelay.stopped].filter((reason) => reason !== undefined)
    const state = { checks, database: found.database.id }
    return answer(
      reasons.length === 0 ? { status: 'ok' as const, ...state } : { status: 'degraded' as const, ...state, reasons },
    )
  })

  return app
}

async function check({ postgres, mongo }: Deps) {
  const [database, documents] = await Promise.all([
    answerInTime(CHECK_MS, () => inspectDatabase(postgres)),
    answerInTime(CHECK_MS, () => mongo.db.command({ ping: 1 })),
  ])
  const upOrDown = (answered: unknown): z.infer<typeof Check> => (answered === undefined ? 'down' : 'up')
  return {
    database,
    checks: { postgres: upOrDown(database?.readOnly ? undefined : database), mongo: upOrDown(documents) },
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
