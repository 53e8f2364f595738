import type { OpenAPIHono } from '@hono/zod-openapi'
import type { RequestVariables } from './request'

/** Serves the OpenAPI 3.1 document made from the operations themselves; built once, at the first request. */
export function describeApi(app: OpenAPIHono<{ Variables: RequestVariables }>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearerAuth', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  })
  let document: string | undefined
  app.get('/openapi.json', (c) => {
    document ??= JSON.stringify(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: {
          title: 'Healthcare Appointment System',
          version: '0.1.0',
          license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
        },
        servers: [{ url: '/' }],
      }),
    )
    return c.body(document, 200, { 'Content-Type': 'application/json' })
  })
}
