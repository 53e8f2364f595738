import type { z } from '@hono/zod-openapi'
import type { ClockRule, FieldError } from '../../errors'
import { clockRulesOf, rulesOf } from '../rules'
import { cutToBounds, definitionOf, joinPath, optionFor } from './bounds'

/** Adds the rules about several fields that a refused value breaks; each needs only its own fields to be right. */
export function addBrokenRules(schema: z.ZodType, value: unknown, prefix: string, errors: FieldError[]): void {
  const fields = fieldsOf(schema, value)
  for (const { fields: names, tell } of fields.rules) {
    const members = names.map((name) => fields.read(name))
    const values = Object.fromEntries(names.map((name, i) => [name, members[i]?.data]))
    if (members.every((member) => member?.success))
      tell(values as never, (path, message) => add(errors, joinPath(prefix, ...path.map(String)), message))
  }
}

/** Adds the rules that fields of a refused body break at this moment. */
export function addBrokenClockRules(schema: z.ZodType, value: unknown, now: Date, errors: FieldError[]): void {
  const fields = fieldsOf(schema, value)
  for (const [name, field] of Object.entries(fields.shape))
    for (const rule of clockRulesWithin(field)) {
      const given = fields.read(name)?.data ?? null
      const message = given === null ? undefined : rule(given as never, now)
      if (message) add(errors, name, message)
    }
}

function add(errors: FieldError[], path: string, message: string): void {
  if (!errors.some((known) => known.path === path && known.message === message)) errors.push({ path, message })
}

/** The fields that a schema has for a value, and how to read one by itself. */
function fieldsOf(schema: z.ZodType, value: unknown) {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  const object = isObject ? optionFor(schema, value) : undefined
  const shape = (object && definitionOf(object).shape) ?? {}
  const given = (isObject ? value : {}) as Record<string, unknown>
  const known = new Map<string, ReturnType<z.ZodType['safeParse']>>()
  const read = (name: string) => {
    const field = shape[name]
    if (field && !known.has(name)) {
      const member = Object.hasOwn(given, name) ? given[name] : undefined
      known.set(name, field.safeParse(cutToBounds(field, member, name, [])))
    }
    return known.get(name)
  }
  const rules = object ? [...new Set([...rulesOf(schema), ...rulesOf(object)])] : []
  return { shape, rules, read }
}

/** The rules of a field, optional or not. */
function clockRulesWithin(field: z.ZodType): ClockRule<never>[] {
  const { innerType } = definitionOf(field)
  return [...clockRulesOf(field), ...(innerType ? clockRulesWithin(innerType) : [])]
}
