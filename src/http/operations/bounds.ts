import type { z } from '@hono/zod-openapi'
import type { FieldError } from '../../errors'
import { MAX_ERRORS } from './storable'

/** What this file reads of zod's description of a schema. */
type Definition = {
  type: string
  innerType?: z.ZodType
  in?: z.ZodType
  out?: z.ZodType
  shape?: Record<string, z.ZodType>
  catchall?: z.ZodType
  element?: z.ZodType
  discriminator?: string
  options?: z.ZodType[]
  checks?: { _zod: { def: { maximum?: number; length?: number } } }[]
}

export const definitionOf = (schema: z.ZodType) => schema._zod.def as unknown as Definition

/** The longest text, or list, that a schema allows. */
export function maximumOf(schema: z.ZodType): number | undefined {
  const lengths = (definitionOf(schema).checks ?? []).map(({ _zod: { def } }) => def.maximum ?? def.length)
  const bounds = lengths.filter((length) => length !== undefined)
  return bounds.length === 0 ? undefined : Math.min(...bounds)
}

/** Normalisation to NFC shortens a text at most to a quarter. */
const NFC_SHORTENS = 4

/**
 * Cuts what is longer than its schema allows: texts, lists, and unknown fields beyond the first few. zod does not stop at
 * a length: without the cut it would run patterns on texts of any length, and make one issue for each wrong item.
 * `errors` names what was cut; what was cut stays invalid for zod too.
 */
export function cutToBounds(schema: z.ZodType, value: unknown, path: string, errors: FieldError[]): unknown {
  const { type, innerType, in: input, out, ...rest } = definitionOf(schema)
  if (innerType) return cutToBounds(innerType, value, path, errors)
  if (type === 'pipe' && input && out)
    return cutToBounds(definitionOf(input).type === 'transform' ? out : input, value, path, errors)
  if (type === 'union') return cutUnion(schema, value, path, errors)
  if (typeof value === 'string') return cutText(maximumOf(schema), value, path, errors)
  if (Array.isArray(value)) return cutList(rest.element, maximumOf(schema), value, path, errors)
  if (rest.shape && typeof value === 'object' && value !== null) return cutObject(rest, value, path, errors)
  return value
}

/** The alternative of a union that the discriminator of the value names; other schemas are their own only one. */
export function optionFor(schema: z.ZodType, value: object): z.ZodType | undefined {
  const { type, discriminator, options = [] } = definitionOf(schema)
  if (type !== 'union') return schema
  if (!discriminator) return undefined
  const given = (value as Record<string, unknown>)[discriminator]
  return options.find((one) => one._zod.propValues?.[discriminator]?.has(given as string))
}

/** Without a fitting option zod reads nothing but the discriminator. */
function cutUnion(schema: z.ZodType, value: unknown, path: string, errors: FieldError[]) {
  const option = typeof value === 'object' && value !== null ? optionFor(schema, value) : undefined
  return option ? cutToBounds(option, value, path, errors) : value
}

function cutText(max: number | undefined, value: string, path: string, errors: FieldError[]): string {
  if (max === undefined || value.length <= max) return value
  // Trimming and normalisation are parts of some schemas, and may make the text short enough.
  const text = value.trim()
  if (text.length <= NFC_SHORTENS * max && text.normalize('NFC').length <= max)
    // The blanks around it count for schemas that do not trim, but no more of them than make it too long.
    return value.length <= NFC_SHORTENS * max ? value : text.padEnd(NFC_SHORTENS * max + 1)
  errors.push({ path, message: `must not be longer than ${max} characters` })
  return text.slice(0, NFC_SHORTENS * max + 1)
}

function cutList(
  element: z.ZodType | undefined,
  max: number | undefined,
  list: unknown[],
  path: string,
  errors: FieldError[],
): unknown {
  if (max !== undefined && list.length > max) errors.push({ path, message: `must not have more than ${max} items` })
  const items = list.slice(0, max === undefined ? list.length : max + 1)
  return element ? items.map((item, i) => cutToBounds(element, item, joinPath(path, String(i)), errors)) : items
}

function cutObject({ shape = {}, catchall }: Partial<Definition>, value: object, path: string, errors: FieldError[]) {
  const copy: Record<string, unknown> = Object.create(null)
  const refusesUnknown = catchall !== undefined && definitionOf(catchall).type === 'never'
  let unknown = 0
  for (const [key, member] of Object.entries(value)) {
    const schema = Object.hasOwn(shape, key) ? shape[key] : undefined
    if (schema) copy[key] = cutToBounds(schema, member, joinPath(path, key), errors)
    else if (!refusesUnknown || ++unknown <= MAX_ERRORS) copy[key] = member
  }
  return copy
}

export const joinPath = (...parts: string[]): string =>
  parts
    .filter((part) => part !== '')
    .join('.')
    .slice(0, 200)

/** Top-level fields of a body that take any JSON; their schemas bound them. */
export function freeFormFields(schema: z.ZodType): Set<string> {
  const { shape = {} } = definitionOf(schema)
  const isFreeForm = (field: z.ZodType): boolean => {
    const { type, innerType } = definitionOf(field)
    return innerType ? isFreeForm(innerType) : type === 'record' || type === 'custom'
  }
  return new Set(Object.keys(shape).filter((name) => isFreeForm(shape[name]!)))
}
