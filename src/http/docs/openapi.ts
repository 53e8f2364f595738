import { type OpenAPIHono, z } from '@hono/zod-openapi'
import { compress } from 'hono/compress'
import { etag } from 'hono/etag'
import { version } from '../../../package.json'
import type { Config } from '../../config'
import type { Deps } from '../../deps'
import { answer } from '../answer'
import { operation } from '../operations/operation'
import { createRouter } from '../operations/router'
import type { HttpEnv } from '../request'
import type { ApiDescription } from './document'
import { leaveOptionalParametersEmpty, showDemoData } from './examples'
import { describeProblems } from './problems'
import { leaveOutRepetitions } from './repetitions'
import { shareComponents } from './shared-components'

const GUIDE = `
Find a doctor, see free times, book, pay and read medical histories.

**Signing in.** \`POST /auth/login\` returns an access token (15 minutes) and a refresh token. Send the access token as
\`Authorization: Bearer …\`. After the error \`token_expired\`, send the refresh token to \`POST /auth/refresh\` to get a new
pair. A refresh token works once; using an older one again ends the session.

**Errors** are problem details (RFC 9457, \`application/problem+json\`). Decide by \`code\`; \`errors\` names each
invalid field; \`requestId\` identifies the request in our logs. Checks run in this order: 401, 403, 400/413/415/422,
404, 412, 409. Data that you may not see answers 404, as if it did not exist. 429 and 503 have a \`Retry-After\` header.

**Retries.** Send an \`Idempotency-Key\` with every write. Without an answer, repeat the same request with the same key:
the write happens once, and a repeated request gets the stored answer with \`Idempotent-Replayed: true\`. Keys of
different users are independent. They are kept for 24 hours.

**Lists** return \`{ data, nextCursor }\`. Send \`nextCursor\` as \`cursor\` to get the next page, until it is null.
Filters never show more data than you may see.

**Changes.** Where a read has an \`ETag\`, send it as \`If-Match\` with your change. If the data changed in between, the
answer is 412.

**Values.** Instants are UTC (\`2026-03-02T14:00:00Z\`) and accepted with any offset; \`localStart\` is the same instant
with the clinic's offset. Days (\`2026-03-02\`), wall times (\`14:00\`) and weekdays (1 = Monday) are in the clinic's time
zone. Money is an integer amount of minor units (cents) with a currency. Unknown fields are refused.

**Limits.** 300 requests per minute and address; fewer sign-ins and registrations. \`RateLimit\` says how many are left.
`.trim()

const TAGS = {
  Auth: 'Registration, sign-in and sessions.',
  Users: 'User accounts, for admins.',
  Clinics: 'Clinics with their rooms and closures.',
  Doctors: 'Doctors with their visit types, weekly hours and exceptions.',
  Scheduling: 'Free slots, and why a start can or cannot be booked.',
  Appointments: 'Book, hold, reschedule, cancel and complete appointments.',
  'Waiting list': 'Patients who wait for a time to become free, and the offers they get.',
  Patients: 'Patients, their guardians and emergency access.',
  Records: 'Visit notes, prescriptions and other clinical documents.',
  Privacy: "A patient's access log, data export and erasure.",
  Payments: 'Payments, refunds and receipts.',
  Audit: 'The audit trail, its verification and reviews of emergency access.',
  Operations: 'Health, metrics and this document.',
}

const documentOperation = operation({
  method: 'get',
  path: '/openapi.json',
  tag: 'Operations',
  operationId: 'readOpenApi',
  summary: 'Get the OpenAPI document',
  description: 'OpenAPI 3.1, generated from the code of the operations.',
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

/**
 * Serves the OpenAPI 3.1 document of all operations; built at the first request, and again every minute where it shows
 * demo data, since their days must lie ahead.
 */
export function describeApi(app: OpenAPIHono<HttpEnv>, deps: Deps): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearerAuth', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The access token from `POST /auth/login`.',
  })
  const { app: routes, read } = createRouter(deps)
  let built: { minute: number; document: ReturnType<typeof serialiseDocument> } | undefined
  routes.use('/openapi.json', compress({ encoding: 'gzip' }), etag())
  read(documentOperation, async ({ config: { demoData, publicUrl }, now }) => {
    const minute = demoData ? Math.floor(now.getTime() / 60_000) : 0
    if (built?.minute !== minute)
      built = { minute, document: serialiseDocument(app, publicUrl, demoData ? now : undefined) }
    const { text, version } = await built.document
    const headers = { 'Content-Type': 'application/json', 'Cache-Control': 'no-cache' }
    // The text is JSON already: a string is sent as it is.
    return answer(text as never, { version, headers })
  })
  app.route('/', routes)
}

/**
 * Without a `publicUrl`, clients find the API where they found the document. With `demoNow`, the examples are things of the demo
 * data at this time.
 */
async function serialiseDocument(app: OpenAPIHono<HttpEnv>, publicUrl: Config['publicUrl'], demoNow?: Date) {
  const generated = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Healthcare Appointment System',
      version,
      description: GUIDE,
      contact: { name: 'Healthcare Appointment System' },
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: publicUrl?.href ?? '.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
  })
  // A copy without shared objects, since examples are changed in place.
  const document: ApiDescription = JSON.parse(JSON.stringify(generated))
  leaveOptionalParametersEmpty(document)
  if (demoNow) showDemoData(document, demoNow)
  describeProblems(document)
  leaveOutRepetitions(document)
  shareComponents(document)
  const text = JSON.stringify(document)
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return { text, version: new DataView(digest).getUint32(0) % 1_000_000_000 }
}
