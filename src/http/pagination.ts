import { getOpenApiMetadata } from '@asteasolutions/zod-to-openapi'
import { z } from '@hono/zod-openapi'
import { invalid } from '../errors'

/** The two query fields of every paged list; spread into the list's strict query object. */
export const pageFields = {
  limit: z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(20)
    .openapi({ type: 'integer', minimum: 1, maximum: 100, default: 20, example: 20 }),
  cursor: z.string().min(1).max(500).optional().openapi({ description: '`nextCursor` of the page before.' }),
}

/** `{ data, nextCursor }` of some named schema, as the component `<Name>Page`. */
export function pageOf<T extends z.ZodType>(name: string, item: T) {
  return z
    .object({
      data: z.array(item).max(100),
      nextCursor: z.string().max(500).nullable().openapi({ description: 'For the next page; null on the last.' }),
    })
    .openapi(`${name}Page`, { example: { data: [getOpenApiMetadata(item)?.example as never], nextCursor: null } })
}

export type Page<T> = { data: T[]; nextCursor: string | null }

/** Opaque to clients: the sort values of the last row of a page. */
export const encodeCursor = (values: string[]): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(values))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** The sort values of the row to go on after; one checker per value. Throws 422 for anything that is not a cursor of ours. */
export function decodeCursor(cursor: string | undefined, ...checks: z.ZodType<string>[]): string[] | undefined {
  if (cursor === undefined) return undefined
  try {
    const bytes = Uint8Array.from(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
    const values: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (
      Array.isArray(values) &&
      values.length === checks.length &&
      checks.every((check, i) => check.safeParse(values[i]).success)
    )
      return values
  } catch {}
  throw invalid('query.cursor', 'is not a cursor of this list')
}

/** The last row of the page before, for lists in the order of an instant and an id. Throws as `decodeCursor` does. */
export function cursorAfter<Name extends string>(
  cursor: string | undefined,
  instant: Name,
): (Record<Name, Date> & { id: string }) | undefined {
  const values = decodeCursor(cursor, cursorInstant, cursorId)
  // The compiler makes an index signature of a computed name.
  return values && ({ [instant]: new Date(values[0]!), id: values[1]! } as Record<Name, Date> & { id: string })
}

/** From `limit + 1` rows read: the page, and a cursor when there is more. */
export function toPage<R, T>(rows: R[], limit: number, keyOf: (row: R) => string[], present: (row: R) => T): Page<T> {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data: data.map(present), nextCursor: rows.length > limit && last ? encodeCursor(keyOf(last)) : null }
}

/** Checks for cursor values. */
export const cursorId = z.uuid()
export const cursorInstant = z.iso.datetime()
export const cursorText = z
  .string()
  .max(300)
  .refine((value) => !value.includes('\0') && value.isWellFormed())
