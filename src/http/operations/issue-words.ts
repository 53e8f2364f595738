import type { z } from '@hono/zod-openapi'

type Issue = z.core.$ZodRawIssue

const MAX_CHOICES = 12

const KINDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'null',
}

/** The rule that a value breaks, in words for people, where its schema does not say it in words of its own. */
export function wordsOf(issue: Issue): string {
  if (issue.input === undefined && issue.code !== 'invalid_format') return 'is required'
  if (issue.code === 'invalid_type') return `must be ${KINDS[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value') return `must be ${anyOf(issue.values)}`
  if (issue.code === 'invalid_union')
    return Array.isArray(issue.options) ? `must be ${anyOf(issue.options)}` : unionWords(issue)
  if (issue.code === 'too_small') return `must ${boundOf(issue.origin, 'at least', issue.minimum)}`
  if (issue.code === 'too_big') return `must ${boundOf(issue.origin, 'at most', issue.maximum)}`
  if (issue.code === 'not_multiple_of') return `must be a multiple of ${issue.divisor}`
  return 'is not in the right form'
}

function anyOf(values: readonly unknown[]): string {
  const words = values.slice(0, MAX_CHOICES).map(String)
  if (values.length > MAX_CHOICES) return `one of ${words.join(', ')} …`
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

/** The words of the first alternative: `null`, where it is allowed, comes last. */
function unionWords({ errors }: { errors?: readonly (readonly { message: string }[])[] }): string {
  return errors?.[0]?.[0]?.message ?? 'is not in the right form'
}

function boundOf(origin: string, bound: 'at least' | 'at most', limit: number | bigint): string {
  const unit = origin === 'string' ? 'character' : origin === 'array' ? 'item' : undefined
  return unit === undefined ? `be ${bound} ${limit}` : `have ${bound} ${limit} ${unit}${Number(limit) === 1 ? '' : 's'}`
}
