import type { z } from '@hono/zod-openapi'
import type { Context as HonoContext } from 'hono'
import { AppError, type FieldError } from '../../errors'

export const MAX_BODY_BYTES = 1024 * 1024
const MAX_DEPTH = 64
const MAX_ERRORS = 50

/** With `upload` the body is not read here. */
type Schemas = { params?: z.ZodType; query?: z.ZodType; body?: z.ZodType; upload?: object }
export type RawInput = { params: unknown; query: unknown; body: unknown; text: string }

/** Checks path, query and body against their schemas. Throws 400, 413, 415, or 422 that names every invalid field. */
export async function readInput(c: HonoContext, schemas: Schemas): Promise<RawInput> {
  const text = schemas.upload ? '' : await readText(c.req.raw)
  const body = schemas.body ? parseJson(c, text) : refuseBody(text)
  const errors: FieldError[] = []
  const params = check(schemas.params, c.req.param(), 'path', errors)
  const query = check(schemas.query, queryOf(c, errors), 'query', errors)
  const checked = schemas.body ? checkBody(schemas.body, body, errors) : undefined
  if (errors.length > 0) {
    const first = errors[0]!
    throw new AppError('validation_failed', `${first.path || 'body'}: ${first.message}`.slice(0, 500), {
      errors: errors.slice(0, MAX_ERRORS),
    })
  }
  return { params, query, body: checked, text }
}

async function readText(request: Request): Promise<string> {
  const tooLarge = () => new AppError('too_large', 'The body is larger than 1 MiB.')
  if (Number(request.headers.get('content-length') ?? 0) > MAX_BODY_BYTES) throw tooLarge()
  if (!request.body) return ''
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size > MAX_BODY_BYTES) throw tooLarge()
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(size)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new AppError('malformed_json', 'The body is not UTF-8.')
  }
}

function parseJson(c: HonoContext, text: string): unknown {
  if (text === '') return {}
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json') throw new AppError('unsupported_media_type', 'Send the body as application/json.')
  try {
    return JSON.parse(text)
  } catch {
    throw new AppError('malformed_json', 'The body is not valid JSON.')
  }
}

function refuseBody(text: string): undefined {
  if (text === '') return undefined
  throw new AppError('validation_failed', 'body: this operation takes no body', {
    errors: [{ path: '', message: 'this operation takes no body' }],
  })
}

function queryOf(c: HonoContext, errors: FieldError[]): Record<string, string> {
  // Without a prototype, a parameter named `__proto__` becomes a field like any other, and is refused.
  const query: Record<string, string> = Object.create(null)
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (name in query) errors.push({ path: `query.${name}`.slice(0, 200), message: 'must be given once' })
    query[name] = value
  }
  return query
}

function checkBody(schema: z.ZodType, body: unknown, errors: FieldError[]): unknown {
  const before = errors.length
  refuseUnstorable(body, '', 0, errors)
  return errors.length > before ? undefined : check(schema, body, '', errors)
}

function check(schema: z.ZodType | undefined, value: unknown, prefix: string, errors: FieldError[]): unknown {
  if (prefix !== '') refuseUnstorable(value, prefix, 0, errors)
  if (!schema) {
    for (const name of Object.keys(value as object))
      errors.push({ path: `${prefix}.${name}`.slice(0, 200), message: 'unknown field' })
    return undefined
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path]
    const message = issue.code === 'unrecognized_keys' ? 'unknown field' : issue.message
    for (const path of keys)
      errors.push({
        path: [prefix, ...path]
          .filter((part) => part !== '')
          .join('.')
          .slice(0, 200),
        message: message.slice(0, 200),
      })
  }
  return undefined
}

/** Refuses what JSON allows but a database cannot store: NUL, lone surrogates, `__proto__`, very deep nesting. */
function refuseUnstorable(value: unknown, path: string, depth: number, errors: FieldError[]): void {
  const refuse = (message: string) => {
    if (errors.length < MAX_ERRORS) errors.push({ path: path.slice(0, 200), message })
  }
  if (depth > MAX_DEPTH) refuse(`must not be nested deeper than ${MAX_DEPTH}`)
  else if (typeof value === 'string') {
    if (value.includes('\0')) refuse('must not contain the NUL character')
    else if (!value.isWellFormed()) refuse('must be well-formed Unicode')
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      const memberPath = path === '' ? key : `${path}.${key}`
      if (key === '__proto__' || key.includes('\0') || !key.isWellFormed())
        refuse('has a field name that is not allowed')
      else refuseUnstorable(member, memberPath, depth + 1, errors)
    }
  }
}
