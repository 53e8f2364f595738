import type { z } from '@hono/zod-openapi'
import type { Context as HonoContext } from 'hono'
import { AppError, type FieldError } from '../../errors'
import type { HttpEnv } from '../request'
import { DEFAULT_BODY_BYTES, decodeUtf8, readBody } from './body'
import { cutToBounds, freeFormFields, joinPath } from './bounds'
import { addBrokenClockRules, addBrokenRules } from './broken-rules'
import { wordsOf } from './issue-words'
import { parseJson } from './json'
import { MAX_ERRORS, refuseUnstorable } from './storable'

/** With `upload` the body is not read here; with `signed` its bytes are not read further. */
type Schemas = {
  params?: z.ZodType
  query?: z.ZodType
  body?: z.ZodType
  maxBodyBytes?: number
  signed?: true
  upload?: object
  ignoresInput?: true
}
export type RawInput = { params: unknown; query: unknown; body: unknown; bytes: Uint8Array<ArrayBuffer>; text: string }

const NOTHING = new Uint8Array()
const NO_FIELDS: ReadonlySet<string> = new Set()

/** Checks path, query and body against their schemas. Throws 400, 413, 415, or 422 that names every invalid field. */
export async function readInput(c: HonoContext<HttpEnv>, schemas: Schemas, now: Date): Promise<RawInput> {
  if (schemas.ignoresInput) return { params: {}, query: undefined, body: undefined, bytes: NOTHING, text: '' }
  const bytes = schemas.upload
    ? NOTHING
    : await readBody(c.req.raw, schemas.maxBodyBytes ?? DEFAULT_BODY_BYTES, c.env?.bodyEnd)
  const { text, body } = schemas.signed ? requireJsonType(c) : readJson(c, schemas, bytes)
  const errors: FieldError[] = []
  const params = check(schemas.params, c.req.param(), 'path', errors)
  const query = check(schemas.query, queryOf(c, errors), 'query', errors)
  const checked = schemas.body && !schemas.signed ? checkBody(schemas.body, body, errors) : undefined
  if (errors.length > 0) {
    if (schemas.body && !schemas.signed) addBrokenClockRules(schemas.body, body, now, errors)
    const first = errors[0]!
    throw new AppError('validation_failed', `${first.path || 'body'}: ${first.message}`.slice(0, 500), {
      errors: errors.slice(0, MAX_ERRORS),
    })
  }
  return { params, query, body: checked, bytes, text }
}

function readJson(c: HonoContext, schemas: Schemas, bytes: Uint8Array): { text: string; body: unknown } {
  if (!schemas.body) return { text: refuseBody(decodeUtf8(bytes)), body: undefined }
  if (bytes.length === 0) return { text: '', body: {} }
  requireJsonType(c)
  return parseJson(bytes, freeFormFields(schemas.body))
}

function requireJsonType(c: HonoContext) {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new AppError('unsupported_media_type', 'Send the body as application/json.')
  return { text: '', body: undefined }
}

/** Many clients send `{}` where they have nothing to send: it counts as no body. */
function refuseBody(text: string): '' {
  if (text === '' || /^\s*\{\s*\}\s*$/.test(text)) return ''
  throw new AppError('validation_failed', 'body: this operation takes no body', {
    errors: [{ path: '', message: 'this operation takes no body' }],
  })
}

function queryOf(c: HonoContext, errors: FieldError[]): Record<string, string> {
  // Without a prototype, a parameter named `__proto__` becomes a field like any other, and is refused.
  const query: Record<string, string> = Object.create(null)
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (name in query && errors.length < MAX_ERRORS)
      errors.push({ path: `query.${name}`.slice(0, 200), message: 'must be given once' })
    query[name] = value
  }
  return query
}

function checkBody(schema: z.ZodType, body: unknown, errors: FieldError[]): unknown {
  const before = errors.length
  refuseUnstorable(body, '', freeFormFields(schema), errors)
  return errors.length > before ? undefined : check(schema, body, '', errors)
}

function check(schema: z.ZodType | undefined, value: unknown, prefix: string, errors: FieldError[]): unknown {
  if (prefix !== '') refuseUnstorable(value, prefix, NO_FIELDS, errors)
  if (!schema) {
    for (const name of Object.keys(value as object).slice(0, MAX_ERRORS))
      errors.push({ path: joinPath(prefix, name), message: 'unknown field' })
    return undefined
  }
  const cut: FieldError[] = []
  const parsed = schema.safeParse(cutToBounds(schema, value, prefix, cut), { error: wordsOf })
  if (parsed.success && cut.length === 0) return parsed.data
  errors.push(...(parsed.success ? cut : parsed.error.issues.flatMap((issue) => fieldErrors(issue, prefix))))
  addBrokenRules(schema, value, prefix, errors)
  return undefined
}

function fieldErrors(issue: z.core.$ZodIssue, prefix: string): FieldError[] {
  const isUnknown = issue.code === 'unrecognized_keys'
  const paths = isUnknown ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
  const message = isUnknown ? 'unknown field' : issue.message.slice(0, 200)
  return paths.map((path) => ({ path: joinPath(prefix, ...path.map(String)), message }))
}
