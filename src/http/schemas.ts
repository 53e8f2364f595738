import { z } from '@hono/zod-openapi'
import { isEmailAddress, withAsciiDomain } from './email-address'
import { withRule } from './rules'

/** Bounds that keep every value inside what PostgreSQL, JavaScript and a calendar can hold. */
const EARLIEST = Date.UTC(1900, 0, 1)
const LATEST = Date.UTC(2200, 0, 1)
export const MAX_MINOR_UNITS = 1_000_000_000

export const Uuid = z
  .uuid('must be a UUID')
  .max(36)
  .toLowerCase()
  .openapi({ format: 'uuid', example: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f' })

/** Outgoing instant: `2026-03-02T14:00:00Z`. */
export const Instant = z.string().max(30).openapi({ format: 'date-time', example: '2026-03-02T14:00:00Z' })

/** Incoming instant with any offset → Date. Invalid text aborts the check, so that rules of a body always see Dates. */
export const InstantInput = z.iso
  .datetime({ offset: true, error: 'must be an instant with an offset, like 2026-03-02T14:00:00Z', abort: true })
  .max(40)
  .transform((text) => new Date(text))
  .refine((date) => date.getTime() >= EARLIEST && date.getTime() < LATEST, 'must lie between 1900 and 2200')
  .openapi({ type: 'string', format: 'date-time', maxLength: 40, example: '2026-03-02T14:00:00Z' })

/** A calendar day `YYYY-MM-DD`, from 1900 to 2199. */
export const Day = z.iso
  .date('must be a day, like 2026-03-02')
  .max(10)
  .refine((day) => day >= '1900-01-01' && day < '2200-01-01', 'must lie between 1900 and 2200')
  .openapi({ format: 'date', maxLength: 10, example: '2026-03-02' })

/** For a query or body with `from` and `to`: refuses a range that ends before it starts. */
export const ordered = <T extends z.ZodType<{ from?: string | Date; to?: string | Date }>>(schema: T): T =>
  withRule<z.ZodType<{ from?: string | Date; to?: string | Date }>, 'from' | 'to'>(
    schema,
    ['from', 'to'],
    ({ from, to }, refuse) => {
      if (from !== undefined && to !== undefined && from > to) refuse(['to'], 'must not lie before from')
    },
  ) as T

/** An ISO 4217 code that this runtime knows. */
export const Currency = z
  .string()
  .length(3)
  .regex(/^[A-Z]{3}$/, 'must be an ISO 4217 code in capitals')
  .refine((code) => Intl.supportedValuesOf('currency').includes(code), 'is not a known currency')
  .openapi({ example: 'USD' })

export const Money = z
  .strictObject({ amount: z.int().min(0).max(MAX_MINOR_UNITS), currency: Currency })
  .openapi('Money', {
    description: 'An amount in integer minor units (such as cents) and an ISO 4217 currency code.',
    example: { amount: 9500, currency: 'USD' },
  })

const VISIBLE = /(?=[\p{L}\p{N}\p{P}\p{S}])[^\p{Default_Ignorable_Code_Point}\u2800]/u
/** Control characters, line breaks, and marks that change the direction of the text after them. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u
const CONTROLS_BUT_BREAKS = /[^\P{Cc}\t\n\r]/u

/**
 * Trimmed, with something visible. Keyboards and file systems write an accented letter as one character or as two; NFC makes
 * them one, so that equal names are equal texts.
 */
const visible = (max: number, min = 1) =>
  z
    .string()
    .normalize('NFC')
    .trim()
    .min(min, min === 1 ? 'must not be empty' : `must have at least ${min} characters`)
    .max(max)
    .refine((value) => value === '' || VISIBLE.test(value), 'must contain something visible')

/** Text of one or more lines, like an address or a reason. */
export const lines = (max: number, min?: number) =>
  visible(max, min).refine((value) => !CONTROLS_BUT_BREAKS.test(value), 'must not contain control characters')

/** Text of one line, like a name. */
export const text = (max: number) =>
  visible(max).refine((value) => !CONTROLS.test(value), 'must be one line without control characters')

/** Trimmed, with the domain in ASCII. */
export const Email = z
  .string()
  .trim()
  .overwrite(withAsciiDomain)
  .max(254, { abort: true })
  .refine(isEmailAddress, 'must be an email address')
  .openapi({ format: 'email', example: 'ada@example.org' })

export const Phone = z
  .string()
  .trim()
  .max(31)
  .regex(/^\+?[0-9 ()./-]+$/, {
    error: 'must be a telephone number: digits, blanks and ()./- after an optional +',
    abort: true,
  })
  .refine((value) => /^(?:\D*\d){5,15}\D*$/.test(value), 'must have 5 to 15 digits')
  .openapi({ example: '+1 212 555 0100' })

export const Role = z.enum(['patient', 'doctor', 'admin']).openapi('Role')

/** Outgoing form of an instant: whole seconds, always `Z`. */
export const formatInstant = (date: Date): string => `${date.toISOString().slice(0, 19)}Z`

export const Problem = z
  .object({
    type: z.string().max(200),
    title: z.string().max(200),
    status: z.int().min(400).max(599),
    detail: z.string().max(2000),
    code: z.string().max(60),
    requestId: z.string().max(200),
    errors: z
      .array(z.object({ path: z.string().max(500), message: z.string().max(500) }))
      .max(100)
      .optional(),
  })
  .openapi('Problem', { description: 'Problem details (RFC 9457). Programs should decide by `code`.' })
