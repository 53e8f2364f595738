import { apiDocument, type DocumentedResponse, findRoute, type Route, routesOf } from './api-document'
import { createSchemaCompiler } from './strict-schemas'

type Asked = { method: string; url: URL }
type Answered = { status: number; headers: Headers; text: string }

/** An answer that the OpenAPI document does not describe. */
export class ContractError extends Error {
  override name = 'ContractError'
}

/** Headers that an answer with this status needs, whatever the operation. */
const REQUIRED: Record<number, string> = {
  401: 'WWW-Authenticate',
  405: 'Allow',
  429: 'Retry-After',
  503: 'Retry-After',
}
const DECLARED = ['ETag', 'Location'] as const
const ONLY_WHERE_DECLARED = ['ETag', 'Location', 'Retry-After', 'Idempotent-Replayed', 'WWW-Authenticate'] as const
/** Files of the documentation page, which are not part of the API. */
const ASSETS = /^\/docs\/./

let contract: Promise<Contract> | undefined
type Contract = Awaited<ReturnType<typeof createContract>>

async function createContract() {
  const document = await apiDocument()
  return { routes: routesOf(document), schemas: createSchemaCompiler(document) }
}

/** Throws ContractError unless the answer matches the document of its operation exactly. */
export async function holdToContract({ method, url }: Asked, answer: Answered): Promise<void> {
  if (method === 'OPTIONS') return
  contract ??= createContract()
  const { routes, schemas } = await contract
  const route = findRoute(routes, method, url.pathname)
  const wrong = route ? wrongAnswer(schemas, route, method, answer) : wrongOutsider(schemas, url, answer)
  if (wrong === undefined) return
  const name = route ? `${route.operation.operationId} (${route.method} ${route.path})` : 'no documented operation'
  const shown = answer.text.length > 600 ? `${answer.text.slice(0, 600)}…` : answer.text
  const path = url.pathname.length > 200 ? `${url.pathname.slice(0, 200)}…` : url.pathname
  throw new ContractError(`${name} answered ${answer.status} to ${method} ${path}: ${wrong}\n  ${shown}`)
}

function wrongAnswer({ strict }: Contract['schemas'], route: Route, method: string, answer: Answered) {
  const { operation } = route
  // A 304 to a conditional GET has the headers of the 200 with its ETag, but no body (RFC 9110, 15.4.5).
  const unchanged = answer.status === 304 && route.method === 'GET' && operation.responses['200']?.headers?.ETag
  const documented = operation.responses[unchanged ? 200 : answer.status]
  if (!documented) return `status not documented (${Object.keys(operation.responses).join(', ')} are)`
  const header = wrongHeaders(answer, documented, isPersonal(route))
  if (header || unchanged || method === 'HEAD') return header

  const type = answer.headers.get('content-type')?.split(';')[0]
  const types = Object.keys(documented.content ?? {})
  if (types.length === 0) return answer.text === '' ? undefined : 'a body where none is documented'
  if (!type || !types.includes(type)) return `content type ${type} not documented (${types.join(', ')})`
  const media = documented.content![type]!
  const body = readBody(type, answer.text)
  if (!media.schema) return 'the document has no schema for this answer'
  return (answer.status >= 400 ? wrongProblem(answer, body, documented) : undefined) ?? strict(media.schema)(body)
}

/** A path or method outside of the document is a 404 or 405, or a 429 or 503 before that. */
function wrongOutsider({ strict }: Contract['schemas'], url: URL, answer: Answered) {
  if (answer.status < 400 && ASSETS.test(url.pathname)) return undefined
  if (![404, 405, 429, 503].includes(answer.status)) return 'served without being documented'
  if (answer.headers.get('content-type') !== 'application/problem+json') return 'not a problem document'
  const body = readBody('application/problem+json', answer.text)
  return (
    wrongHeaders(answer, undefined, false) ??
    strict({ $ref: '#/components/schemas/Problem' })(body) ??
    wrongProblem(answer, body)
  )
}

/** Answers that require a signed-in user, and all answers to writes, because tokens are personal too. */
const isPersonal = ({ method, operation: { 'x-roles': roles } }: Route) =>
  method !== 'GET' || (roles !== 'public' && roles !== 'optional')

function wrongHeaders({ status, headers }: Answered, documented: DocumentedResponse | undefined, personal: boolean) {
  const missing = (name: string) => `header ${name} is missing`
  if (!headers.get('x-request-id')) return missing('X-Request-Id')
  const always = REQUIRED[status]
  if (always && !headers.get(always)) return missing(always)
  if ((personal || status >= 400) && headers.get('cache-control') !== 'no-store')
    return 'a personal answer or a problem without `Cache-Control: no-store`'
  if (!documented) return undefined
  for (const name of DECLARED) if (documented.headers?.[name] && !headers.get(name)) return missing(name)
  for (const name of ONLY_WHERE_DECLARED)
    if (headers.has(name) && !documented.headers?.[name]) return `header ${name} is sent but not documented`
  const etag = headers.get('etag')
  if (etag !== null && !/^"(\d{1,9}|[0-9a-f]{64})"$/.test(etag))
    return `ETag ${etag} is neither a quoted version nor a quoted digest`
  return undefined
}

function wrongProblem({ status, headers }: Answered, body: unknown, documented?: DocumentedResponse) {
  const problem = body as { status: number; code: string; requestId: string }
  if (problem.status !== status) return `the body says status ${problem.status}`
  if (problem.requestId !== headers.get('x-request-id')) return 'the body has another request id than the header'
  const codes = Object.keys(documented?.content?.['application/problem+json']?.examples ?? {})
  if (documented && !codes.includes(problem.code))
    return `code ${problem.code} not documented (${codes.join(', ')} are)`
  return undefined
}

function readBody(type: string, text: string): unknown {
  return type === 'application/json' || type.endsWith('+json') ? JSON.parse(text) : text
}
