import { getOpenApiMetadata } from '@asteasolutions/zod-to-openapi'
import { createRoute, z } from '@hono/zod-openapi'
import type { Role } from '../../actor'
import type { AuditKind } from '../../database/audit-event'
import type { ErrorCode } from '../../errors'
import type { OperationLimit } from '../middleware/rate-limits'
import { DEFAULT_BODY_BYTES } from './body'
import { header, type ProblemSpec, problemResponses, RATE_LIMIT, REQUEST_ID } from './problem-responses'

/** `public`: tokens are ignored. `optional`: the token may be missing, a bad one is 401. `signed_in`: every role. */
export type Access = 'public' | 'optional' | 'signed_in' | readonly Role[]

type Schema = z.ZodType
type Header = 'ETag' | 'Location'

/** One file in multipart/form-data, under the name `field`; `schema` is for the OpenAPI document. */
export type FileUpload = { field: string; maxBytes: number; schema: z.ZodType }

/** The types that one operation ties together: what comes in, what goes out, who may call. */
export type OperationTypes = { params: Schema; query: Schema; body: Schema; answer: Schema; access: Access }

export type OperationSpec<O extends OperationTypes> = ProblemSpec & {
  method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** OpenAPI form: `/appointments/{id}`. */
  path: string
  /** An earlier path, still served but not in the OpenAPI document. */
  formerPath?: string
  tag: string
  /** The verb the service uses too: `bookAppointment`. */
  operationId: string
  summary: string
  description: string
  /** Roles that may call it. Which data they may reach is a rule of the service, and described in `who`. */
  access: O['access']
  /** The callers in words, for the OpenAPI document: "Patients for themselves, admins". */
  who: string
  /** The audit event. Every mutation has one, and every read that returns health data. */
  audit?: AuditKind
  params?: O['params']
  query?: O['query']
  body?: O['body']
  /** The largest body; default: 64 KiB. */
  maxBodyBytes?: number
  /** The handler gets the bytes of the body, to check their signature first; `body` is only for the OpenAPI document. */
  signed?: true
  /** Instead of a JSON body; for the router's `clinicalUpload`. */
  upload?: FileUpload
  answer: {
    status: 200 | 201 | 204
    description: string
    schema?: O['answer']
    /** JSON by default; a list if there are several types. */
    contentType?: string | string[]
    headers?: Header[]
    /** A second success of the same schema (a 204 has no body), without headers or links; chosen by `Answer.status`. */
    or?: { status: 200; description: string }
    links?: Record<
      string,
      { operationId: string; parameters?: Record<string, string>; requestBody?: unknown; description: string }
    >
  }
  /** In addition to the default limit; `none` switches all limits off. */
  rateLimit?: OperationLimit | 'none'
  /** The answer depends on nothing of the request: unknown parameters and bodies are ignored. */
  ignoresInput?: true
}

export type Operation<O extends OperationTypes> = OperationSpec<O> & {
  route: ReturnType<typeof createRoute>
  /** Never set: the compiler infers the types of an operation from it. */
  types?: O
}

type None = z.ZodNever

/** Declares one operation: its OpenAPI entry, who may call it and what it may answer, all in one place. */
export function operation<
  P extends Schema = None,
  Q extends Schema = None,
  B extends Schema = None,
  S extends Schema = None,
  const A extends Access = Access,
>(
  spec: OperationSpec<{ params: P; query: Q; body: B; answer: S; access: A }>,
): Operation<{ params: P; query: Q; body: B; answer: S; access: A }> {
  const { method, path, operationId, summary, answer } = spec
  const headers = z.object({
    ...(acceptsIdempotencyKey(spec) && { 'Idempotency-Key': IdempotencyKeyHeader }),
    ...(isVersioned(spec) && { 'If-Match': IfMatchHeader }),
  })
  const route = createRoute({
    method,
    path,
    operationId,
    summary,
    tags: [spec.tag],
    description: `${spec.description}\n\n**Who:** ${spec.who}. **Audit:** ${spec.audit ? `\`${spec.audit.kind}\` (${spec.audit.action})` : 'not audited (no health data)'}.`,
    security: SECURITY[securityOf(spec.access)],
    'x-roles': spec.access,
    ...(spec.body && { 'x-max-body-bytes': spec.maxBodyBytes ?? DEFAULT_BODY_BYTES }),
    request: {
      ...(spec.params && { params: spec.params as unknown as z.ZodObject }),
      ...(spec.query && { query: spec.query as unknown as z.ZodObject }),
      ...(Object.keys(headers.shape).length > 0 && { headers }),
      ...(spec.body && {
        body: {
          // Asked when the document is built: the first parse compiles the schema, of which a process needs few.
          get required() {
            return !spec.body!.safeParse({}).success
          },
          content: { 'application/json': { schema: spec.body, example: exampleOf(spec.body) } },
        },
      }),
      ...(spec.upload && {
        body: {
          required: true,
          content: { 'multipart/form-data': { schema: spec.upload.schema, example: exampleOf(spec.upload.schema) } },
        },
      }),
    },
    responses: {
      [answer.status]: answerResponse(spec),
      ...secondAnswer(spec),
      ...problemResponses(codesOf(spec), spec),
    },
  })
  return { ...spec, route }
}

const securityOf = (access: Access) => (typeof access === 'string' ? access : 'signed_in')

const SECURITY: Record<'public' | 'optional' | 'signed_in', Record<string, string[]>[]> = {
  public: [],
  optional: [{}, { bearerAuth: [] }],
  signed_in: [{ bearerAuth: [] }],
}

const IdempotencyKeyHeader = z.string().min(1).max(200).optional().openapi({
  description:
    'Makes a retry safe: the same request with the same key gets the stored answer, as long as you may read what it shows. If-Match is part of the request.',
})

const IfMatchHeader = z
  .string()
  .max(100)
  .optional()
  .openapi({ description: 'The ETag that you read. If it is not the current one, the answer is 412.' })

type AnySpec = OperationSpec<OperationTypes>

const signedIn = (spec: Pick<AnySpec, 'access'>) => spec.access !== 'public' && spec.access !== 'optional'
const acceptsIdempotencyKey = (spec: Pick<AnySpec, 'access' | 'method'>) => signedIn(spec) && spec.method !== 'get'
const isVersioned = (spec: Pick<AnySpec, 'method' | 'answer'>) =>
  spec.method !== 'get' && spec.answer.status === 200 && (spec.answer.headers ?? []).includes('ETag')

function answerResponse(spec: AnySpec) {
  const { answer } = spec
  return {
    description: answer.description,
    headers: {
      'X-Request-Id': REQUEST_ID,
      ...(spec.rateLimit !== 'none' && { RateLimit: RATE_LIMIT }),
      ...(answer.headers?.includes('ETag') && {
        ETag: answer.contentType
          ? header('SHA-256 of the content in hexadecimal, in quotes.', `"${'0123456789abcdef'.repeat(4)}"`)
          : header('The version, in quotes, for If-Match.', '"3"'),
      }),
      ...(answer.headers?.includes('Location') && {
        Location: header('Path of the created resource.', '/appointments/01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f'),
      }),
      ...(acceptsIdempotencyKey(spec) && {
        'Idempotent-Replayed': header('`true` if this is the stored answer of an earlier request.', 'true'),
      }),
    },
    ...(answer.schema &&
      answer.status !== 204 && {
        content: Object.fromEntries(
          [answer.contentType ?? 'application/json']
            .flat()
            .map((type) => [type, { schema: answer.schema!, example: exampleOf(answer.schema!) }]),
        ),
      }),
    ...(answer.links && { links: answer.links }),
  }
}

function secondAnswer(spec: AnySpec) {
  const { or, schema, contentType } = spec.answer
  return or && { [or.status]: answerResponse({ ...spec, answer: { ...or, schema, contentType } }) }
}

/** Every error code of an operation: its own and those of its kind. */
function codesOf(spec: AnySpec): ErrorCode[] {
  const codes: ErrorCode[] = [...(spec.problems ?? []), 'validation_failed', 'internal', 'unavailable']
  if (spec.rateLimit !== 'none') codes.push('rate_limited')
  if (spec.access !== 'public') codes.push('unauthenticated', 'token_expired')
  if (typeof spec.access === 'object' && spec.access.length < 3) codes.push('forbidden')
  if (spec.params) codes.push('not_found')
  if (spec.method !== 'get') codes.push('malformed_json', 'too_large', 'unsupported_media_type')
  if (acceptsIdempotencyKey(spec)) codes.push('idempotency_key_reused', 'request_in_progress')
  if (isVersioned(spec)) codes.push('version_mismatch')
  return [...new Set(codes)]
}

/** The example of a named schema, which the OpenAPI document shows for bodies and answers. */
function exampleOf(schema: Schema): unknown {
  return getOpenApiMetadata(schema)?.example
}
