import { OpenAPIHono } from '@hono/zod-openapi'
import { lifecycleRoutes } from './appointments/lifecycle-routes'
import { appointmentRoutes } from './appointments/routes'
import { seriesRoutes } from './appointments/series/routes'
import { reviewRoutes } from './audit/review/routes'
import { auditRoutes } from './audit/routes'
import { authRoutes } from './auth/routes'
import { userRoutes } from './auth/users/routes'
import { clinicRoutes } from './clinics/routes'
import type { Deps } from './deps'
import { doctorRoutes } from './doctors/routes'
import { withAbsoluteUrl } from './http/absolute-url'
import { describeApi } from './http/docs/openapi'
import { docsRoutes } from './http/docs/routes'
import { guardBrowsers } from './http/middleware/content-security'
import { allowOrigins } from './http/middleware/cors'
import { answerErrors } from './http/middleware/errors'
import { observeRequests } from './http/middleware/observe'
import { limitRequests, sendRateLimitHeaders } from './http/middleware/rate-limits'
import { identifyRequest, requireValidHost } from './http/middleware/request-id'
import { healthRoutes } from './http/probes/health'
import { metricsRoutes } from './http/probes/metrics'
import type { HttpEnv } from './http/request'
import { patientRoutes } from './patients/routes'
import { receiptRoutes } from './payments/receipts/routes'
import { paymentRoutes } from './payments/routes'
import { webhookRoutes } from './payments/webhooks/routes'
import { privacyRoutes } from './privacy/routes'
import { recordRoutes } from './records/routes'
import { schedulingRoutes } from './scheduling/routes'
import { waitlistRoutes } from './waitlist/routes'

/** The whole API: middleware in order, then one line per feature. Needs nothing of a server but web standards. */
export function createApp(deps: Deps) {
  const app = new OpenAPIHono<HttpEnv>()
  app.use(identifyRequest(deps))
  app.use(observeRequests(deps))
  app.use(guardBrowsers)
  app.use(allowOrigins(deps))
  app.use(sendRateLimitHeaders)
  app.use(limitRequests(deps))
  app.use(requireValidHost)
  answerErrors(app, deps)

  app.route('/', authRoutes(deps))
  app.route('/', userRoutes(deps))
  app.route('/', clinicRoutes(deps))
  app.route('/', doctorRoutes(deps))
  app.route('/', schedulingRoutes(deps))
  app.route('/', appointmentRoutes(deps))
  app.route('/', seriesRoutes(deps))
  app.route('/', lifecycleRoutes(deps))
  app.route('/', waitlistRoutes(deps))
  app.route('/', patientRoutes(deps))
  app.route('/', recordRoutes(deps))
  app.route('/', privacyRoutes(deps))
  app.route('/', paymentRoutes(deps))
  app.route('/', receiptRoutes(deps))
  app.route('/', webhookRoutes(deps))
  app.route('/', auditRoutes(deps))
  app.route('/', reviewRoutes(deps))

  app.route('/', healthRoutes(deps))
  app.route('/', metricsRoutes(deps))
  app.route('/', docsRoutes(deps))
  describeApi(app, deps)

  const { fetch } = app
  app.fetch = (request, ...rest) => fetch(withAbsoluteUrl(request), ...rest)
  return app
}
