import type { z } from '@hono/zod-openapi'
import type { ClockRule } from '../errors'

type Check = z.core.$ZodCheck<never>
export type Refuse = (path: (string | number)[], message: string) => void
type Rule = { fields: readonly string[]; tell: (values: never, refuse: Refuse) => void }

const RULES = new WeakMap<object, Rule>()
const CLOCK_RULES = new WeakMap<object, ClockRule<never>>()

/**
 * Adds a rule about several fields of an object. Unlike zod's own `refine` its error appears as soon as these fields are right by
 * themselves, whatever else is wrong (see `operations/broken-rules.ts`).
 */
export function withRule<S extends z.ZodType<object>, K extends keyof z.output<S> & string>(
  schema: S,
  fields: readonly K[],
  tell: (values: Pick<z.output<S>, K>, refuse: Refuse) => void,
): S {
  const ruled = schema.superRefine((values, ctx) =>
    tell(values as Pick<z.output<S>, K>, (path, message) => ctx.addIssue({ code: 'custom', path, message })),
  )
  RULES.set(checksOf(ruled).at(-1)!, { fields, tell })
  return ruled
}

/**
 * Names the rule that a field must keep at the moment of the request. Its error appears beside others; a body that is
 * right but for such rules goes on to the service, which asks `requireRule`, since a replay may come after the moment.
 */
export function byClock<S extends z.ZodType>(schema: S, rule: ClockRule<NonNullable<z.output<S>>>): S {
  const ruled = schema.superRefine(() => {})
  CLOCK_RULES.set(checksOf(ruled).at(-1)!, rule)
  return ruled
}

/** Checks move on to copies of a schema, such as `openapi` makes. */
export const checksOf = (schema: z.ZodType) => (schema._zod.def.checks ?? []) as Check[]

export const rulesOf = (schema: z.ZodType): Rule[] => checksOf(schema).flatMap((check) => RULES.get(check) ?? [])

export const clockRulesOf = (schema: z.ZodType): ClockRule<never>[] =>
  checksOf(schema).flatMap((check) => CLOCK_RULES.get(check) ?? [])

export const inFuture: ClockRule<Date> = (instant, now) => (instant <= now ? 'must lie in the future' : undefined)
