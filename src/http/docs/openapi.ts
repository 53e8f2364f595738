import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { etag } from 'hono/etag'
import type { Deps } from '../../deps'
import { answer } from '../answer'
import { operation } from '../operations/operation'
import { createRouter } from '../operations/router'
import type { HttpEnv } from '../request'

const GUIDE = `
Find a doctor, see free times, book, pay and read medical histories.

**Signing in.** \`POST /auth/login\` gives an access token (15 minutes) and a refresh token. Send the access token as
\`Authorization: Bearer …\`; on \`token_expired\` exchange the refresh token at \`POST /auth/refresh\` for a new pair. A refresh
token is good for one exchange; using an older one again ends the session.

**Errors** are problem details (RFC 9457, \`application/problem+json\`). Decide by \`code\`; \`errors\` names each bad field;
\`requestId\` finds the request in our logs. Checked in this order: 401, 403, 400/413/415/422, 404, 412, 409. What you may not
see answers 404, exactly as if it did not exist. 429 and 503 carry \`Retry-After\`.

**Retrying.** Send an \`Idempotency-Key\` with every write and repeat the same request under the same key until it is answered:
it happens once, and a repeat gets the stored answer with \`Idempotent-Replayed: true\`. Keys are yours alone and kept for 24 hours.

**Lists** answer \`{ data, nextCursor }\`; send \`nextCursor\` back as \`cursor\` until it is null. Filters only narrow.

**Changing** what carries an \`ETag\`: send it back as \`If-Match\`, and a change made in between is refused with 412.

**Values.** Instants are UTC (\`2026-03-02T14:00:00Z\`), accepted with any offset; \`localStart\` is the same instant with the
clinic's offset. Days (\`2026-03-02\`), wall times (\`14:00\`) and weekdays (1 = Monday) are the clinic's own. Money is integer
minor units with a currency. Unknown fields are refused.

**Limits.** 300 requests a minute and address, fewer sign-ins and registrations; \`RateLimit\` says what is left.
`.trim()

const TAGS = {
  Auth: 'Accounts, sign-in and sessions.',
  Users: 'Accounts, for admins.',
  Clinics: 'Places with a time zone and a currency.',
  Doctors: 'Who can be seen, where, when and for what.',
  Scheduling: 'What can be booked.',
  Appointments: 'Booking, holding, moving and cancelling; what happens on the day.',
  'Waiting list': 'Who waits for a time to become free, and what they are offered.',
  Patients: 'People and what is known of them.',
  Records: 'Visit notes, prescriptions and other clinical documents.',
  Privacy: 'Who saw what of a patient, all that is held about them, and its erasure.',
  Payments: 'What an appointment costs, and whether it is paid.',
  Audit: 'Who did what with whose data.',
  Operations: 'Health, metrics and this document.',
}

const documentOperation = operation({
  method: 'get',
  path: '/openapi.json',
  tag: 'Operations',
  operationId: 'readOpenApi',
  summary: 'This document',
  description: 'OpenAPI 3.1, made from the code that answers.',
  access: 'public',
  who: 'anyone',
  answer: {
    status: 200,
    description: 'The document',
    schema: z
      .looseObject({ openapi: z.string().max(10) })
      .openapi('OpenApiDocument', { example: { openapi: '3.1.0', info: {}, paths: {} } }),
    headers: ['ETag'],
  },
})

/** Serves the OpenAPI 3.1 document made from the operations themselves; built once, at the first request. */
export function describeApi(app: OpenAPIHono<HttpEnv>, deps: Deps): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearerAuth', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access token of a sign-in.',
  })
  const { app: routes, read } = createRouter(deps)
  let document: ReturnType<typeof serialiseDocument> | undefined
  routes.use('/openapi.json', etag())
  read(documentOperation, async () => {
    document ??= serialiseDocument(app)
    const { text, version } = await document
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' }
    // Already JSON, and the same megabyte every time.
    return answer(text as never, { version, headers })
  })
  app.route('/', routes)
}

async function serialiseDocument(app: OpenAPIHono<HttpEnv>) {
  const text = JSON.stringify(
    app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Healthcare Appointment System',
        version: '0.1.0',
        description: GUIDE,
        contact: { name: 'Healthcare Appointment System' },
        license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
      },
      servers: [{ url: '/' }],
      tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    }),
  )
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return { text, version: new DataView(digest).getUint32(0) % 1_000_000_000 }
}
