import { z } from '@hono/zod-openapi'

const MAX_BYTES = 64 * 1024
const MAX_DEPTH = 20

type Problem = { path: (string | number)[]; message: string }

/** Free-form content of a record as input: any JSON object that MongoDB can store, with limits on size and depth. */
export const ClinicalData = z
  .record(z.string().max(1000), z.unknown())
  .superRefine((data, ctx) => {
    for (const { path, message } of problemsOf(data)) ctx.addIssue({ code: 'custom', path, message })
  })
  .openapi({
    type: 'object',
    additionalProperties: true,
    description: `At most 64 KiB as JSON, at most ${MAX_DEPTH} levels deep; no field name may start with \`$\`.`,
  })

function problemsOf(data: Record<string, unknown>): Problem[] {
  if (new TextEncoder().encode(JSON.stringify(data)).length > MAX_BYTES)
    return [{ path: [], message: 'must not be larger than 64 KiB as JSON' }]
  const problems: Problem[] = []
  inspect(data, [], problems)
  return problems
}

/** `data` itself is at depth 1. */
function inspect(value: unknown, path: (string | number)[], problems: Problem[]): void {
  if (typeof value !== 'object' || value === null) return
  if (path.length >= MAX_DEPTH) {
    problems.push({ path, message: `must not be nested deeper than ${MAX_DEPTH}` })
    return
  }
  for (const [name, member] of Object.entries(value)) {
    if (name.startsWith('$')) problems.push({ path: [...path, name], message: 'a field name must not start with $' })
    else inspect(member, [...path, name], problems)
  }
}
