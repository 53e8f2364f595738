import { z } from '@hono/zod-openapi'

const MAX_BYTES = 64 * 1024
const MAX_DEPTH = 20
const MAX_NAME = 1000
const MAX_PROBLEMS = 50

/** For bodies with clinical data: 64 KiB, and room for every character to be written as an escape. */
export const MAX_BODY_BYTES = 192 * 1024

type Problem = { path: (string | number)[]; message: string }

/** Free-form content of a record as input: a JSON object that MongoDB can store, with limits on size and depth. */
export const ClinicalData = z
  .custom<Record<string, unknown>>(isObject, 'must be an object')
  .superRefine((data, ctx) => {
    for (const { path, message } of problemsOf(data)) ctx.addIssue({ code: 'custom', path, message })
  })
  .openapi({
    type: 'object',
    additionalProperties: true,
    description: `At most 64 KiB as JSON, at most ${MAX_DEPTH} levels deep; no field name may start with \`$\`.`,
  })

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function problemsOf(data: unknown): Problem[] {
  if (!isObject(data)) return []
  if (new TextEncoder().encode(JSON.stringify(data)).length > MAX_BYTES)
    return [{ path: [], message: 'must not be larger than 64 KiB as JSON' }]
  const problems: Problem[] = []
  inspect(data, [], problems)
  return problems
}

/** `data` itself is at depth 1. Changes `path` while it walks, and restores it. */
function inspect(value: object, path: string[], problems: Problem[]): void {
  if (path.length >= MAX_DEPTH) {
    problems.push({ path: [...path], message: `must not be nested deeper than ${MAX_DEPTH}` })
    return
  }
  const isList = Array.isArray(value)
  const names: ArrayLike<string> = isList ? value : Object.keys(value)
  for (let i = 0; i < names.length && problems.length < MAX_PROBLEMS; i++) {
    const name = names[i]!
    const member: unknown = isList ? value[i] : (value as Record<string, unknown>)[name]
    const message = isList ? undefined : nameProblem(name)
    if (message) problems.push({ path: [...path, name], message })
    else if (typeof member === 'object' && member !== null) {
      path.push(isList ? String(i) : name)
      inspect(member, path, problems)
      path.pop()
    }
  }
}

function nameProblem(name: string): string | undefined {
  if (name.startsWith('$')) return 'a field name must not start with $'
  return name.length > MAX_NAME ? `a field name must not be longer than ${MAX_NAME} characters` : undefined
}
