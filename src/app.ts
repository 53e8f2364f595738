import { OpenAPIHono } from '@hono/zod-openapi'
import { clinicRoutes } from './clinics/routes'
import type { Deps } from './deps'
import { answerErrors } from './http/errors'
import { describeApi } from './http/openapi'
import type { RequestVariables } from './http/request'
import { identifyRequest } from './http/request-id'

/** The whole API over what `deps` holds: middleware in order, then one line per feature. Web standards only. */
export function createApp(deps: Deps) {
  const app = new OpenAPIHono<{ Variables: RequestVariables }>()
  app.use(identifyRequest(deps))
  answerErrors(app, deps)

  app.route('/', clinicRoutes(deps))

  describeApi(app)
  return app
}
