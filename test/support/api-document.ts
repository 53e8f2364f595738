import { createApp } from '../../src/app'
import { readConfig } from '../../src/config'
import { closeDeps, openDeps } from '../../src/open-deps'
import { TEST_ENVIRONMENT } from './environment'

export type Schema = { [keyword: string]: unknown }
export type Media = { schema?: Schema; example?: unknown; examples?: Record<string, { value: unknown }> }
export type DocumentedResponse = {
  description: string
  headers?: Record<string, { schema: Schema; required?: boolean }>
  content?: Record<string, Media>
  links?: Record<string, { operationId: string; parameters?: Record<string, string>; requestBody?: unknown }>
}
export type Parameter = {
  name: string
  in: 'path' | 'query' | 'header'
  required?: boolean
  schema: Schema
  example?: unknown
}
export type Roles = 'public' | 'optional' | 'signed_in' | ('patient' | 'doctor' | 'admin')[]
export type DocumentedOperation = {
  operationId: string
  summary: string
  description: string
  tags: string[]
  security?: Record<string, string[]>[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Record<string, Media> }
  responses: Record<string, DocumentedResponse>
  'x-roles': Roles
  'x-max-body-bytes'?: number
}
export type ApiDocument = {
  openapi: string
  security?: Record<string, string[]>[]
  paths: Record<string, Record<string, DocumentedOperation>>
  components: { schemas: Record<string, Schema> } & Record<string, unknown>
}

/** One operation with its method and path in the document. */
export type Route = { method: string; path: string; operation: DocumentedOperation }

/** The app with pools that are never used, for its own description. */
export function createIdleApp() {
  const nowhere = { POSTGRESQL_HOST: 'nowhere', POSTGRESQL_USER: 'nobody', POSTGRESQL_DATABASE: 'none' }
  const deps = openDeps(readConfig({ ...TEST_ENVIRONMENT, ...nowhere, MONGODB_URI: 'mongodb://nowhere/none' }))
  return { app: createApp(deps), close: () => closeDeps(deps) }
}

let document: Promise<ApiDocument> | undefined

/** `/openapi.json` of an app without a database, read once per process. */
export function apiDocument(): Promise<ApiDocument> {
  document ??= readDocument()
  return document
}

async function readDocument(): Promise<ApiDocument> {
  const { app, close } = createIdleApp()
  const document = await documentOf(app)
  await close()
  return document
}

/** `/openapi.json` of this app, with its references to shared parts resolved. */
export async function documentOf(app: ReturnType<typeof createApp>): Promise<ApiDocument> {
  const response = await app.request('/openapi.json')
  if (response.status !== 200)
    throw new Error(`GET /openapi.json answered ${response.status}: ${await response.text()}`)
  return withoutReferences((await response.json()) as ApiDocument)
}

const SHARED = /^#\/components\/(examples|headers|parameters|responses)\/(.+)$/

/** The same document with everything but schemas in its place, and the usual security named by each operation. */
function withoutReferences(document: ApiDocument): ApiDocument {
  const resolve = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value
    if (Array.isArray(value)) return value.map(resolve)
    const [, kind, name] = SHARED.exec(String((value as { $ref?: string }).$ref)) ?? []
    if (kind && name) return resolve((document.components as Record<string, Schema>)[kind]![name])
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, resolve(part)]))
  }
  const resolved = { ...document, paths: resolve(document.paths) as ApiDocument['paths'] }
  for (const { operation } of routesOf(resolved)) operation.security ??= document.security
  return resolved
}

/** Every operation in the document's own order. */
export const routesOf = ({ paths }: ApiDocument): Route[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method: method.toUpperCase(), path, operation })),
  )

/** The operation that answers `method pathname`: a path without parameters wins over a path with parameters. */
export function findRoute(routes: Route[], method: string, pathname: string): Route | undefined {
  const segments = pathname.split('/')
  const wanted = method === 'HEAD' ? 'GET' : method
  const fitting = routes.filter((route) => route.method === wanted && fits(route.path.split('/'), segments))
  return fitting.sort((a, b) => countParameters(a.path) - countParameters(b.path))[0]
}

const fits = (pattern: string[], segments: string[]) =>
  pattern.length === segments.length &&
  pattern.every((part, i) => (part.startsWith('{') ? segments[i] !== '' : part === segments[i]))

const countParameters = (path: string) => path.split('{').length
