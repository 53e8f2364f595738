import { getOpenApiMetadata } from '@asteasolutions/zod-to-openapi'
import { z } from '@hono/zod-openapi'
import { invalid } from '../errors'

/** The two query fields of every paged list; spread into the list's strict query object. */
export const pageFields = {
  limit: z
    .string()
    .max(9)
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(100))
    .default(20)
    .openapi({ type: 'integer', minimum: 1, maximum: 100, default: 20, example: 20 }),
  cursor: z.string().min(1).max(500).optional().openapi({ description: '`nextCursor` of the previous page.' }),
}

const NextCursor = z
  .string()
  .max(500)
  .nullable()
  .openapi('NextCursor', { description: 'Send it as `cursor` to get the next page; null on the last page.' })

/** `{ data, nextCursor }` with items of one schema, as the component `<Name>Page`. */
export function pageOf<T extends z.ZodType>(name: string, item: T) {
  return z
    .object({
      data: z.array(item).max(100),
      nextCursor: NextCursor,
    })
    .openapi(`${name}Page`, { example: { data: [getOpenApiMetadata(item)?.example as never], nextCursor: null } })
}

export type Page<T> = { data: T[]; nextCursor: string | null }

/** The sort values of the last row of a page, as an opaque text. */
export const encodeCursor = (values: string[]): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(values))))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

/** Reads the sort values of the last row of the previous page; one check per value. Throws 422 for anything else. */
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

/** Reads the cursor of a list that is sorted by an instant and an id. Throws 422 like `decodeCursor`. */
export function cursorAfter<Name extends string>(
  cursor: string | undefined,
  instant: Name,
): (Record<Name, Date> & { id: string }) | undefined {
  const values = decodeCursor(cursor, cursorInstant, cursorId)
  // TypeScript types a computed name as an index signature.
  return values && ({ [instant]: new Date(values[0]!), id: values[1]! } as Record<Name, Date> & { id: string })
}

/** Makes a page from at most `limit + 1` rows; the extra row shows that there is a next page. */
export function toPage<R, T>(rows: R[], limit: number, keyOf: (row: R) => string[], present: (row: R) => T): Page<T> {
  const data = rows.slice(0, limit)
  const last = data.at(-1)
  return { data: data.map(present), nextCursor: rows.length > limit && last ? encodeCursor(keyOf(last)) : null }
}

/** Checks for cursor values. */
export const cursorId = z.uuid()
export const cursorInstant = z.iso
  .datetime()
  .refine((instant) => instant >= '1900' && instant < '2200', 'must lie between 1900 and 2200')
export const cursorText = z
  .string()
  .max(300)
  .refine((value) => !value.includes('\0') && value.isWellFormed())
