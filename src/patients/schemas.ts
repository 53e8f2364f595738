import { z } from '@hono/zod-openapi'
import type { ClockRule } from '../errors'
import { pageFields, pageOf } from '../http/pagination'
import { byClock } from '../http/rules'
import { Day, Email, lines, Phone, text, Uuid } from '../http/schemas'
import { History } from '../records/schemas'

export const Gender = z.enum(['female', 'male', 'other', 'unknown'])

export const Patient = z
  .object({
    id: Uuid,
    name: z.string().max(200),
    email: z.string().max(254).nullable().openapi({ format: 'email' }),
    phone: z.string().max(31).nullable(),
    dateOfBirth: Day,
    gender: Gender,
    address: z.string().max(500).nullable(),
    history: History.nullable().openapi({
      description: 'Present when a patient or doctor reads a single patient; null for admins and in lists.',
    }),
  })
  .openapi('Patient', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
      name: 'Grace Murray',
      email: 'grace@example.org',
      phone: '+1 212 555 0142',
      dateOfBirth: '1986-12-09',
      gender: 'female',
      address: '7 Elm Row, New York',
      history: null,
    },
  })
export type Patient = z.infer<typeof Patient>

export const PatientPage = pageOf('Patient', Patient)

export const SearchPatientsQuery = z.strictObject({
  ...pageFields,
  q: text(100).optional().openapi({
    description:
      'Words or parts of words that must all occur in name, email or phone; case, accents and apostrophes do not matter. Six or more digits find a telephone number by its end, however it is written.',
    example: 'grace mur',
  }),
})

/** UTC+14 is the time zone that is furthest ahead. */
const MAX_UTC_OFFSET_MS = 14 * 3_600_000

/** Refuses a date of birth that is in the future in every time zone. */
export const isBorn: ClockRule<string> = (day, now) =>
  day > new Date(now.getTime() + MAX_UTC_OFFSET_MS).toISOString().slice(0, 10)
    ? 'must not lie in the future'
    : undefined

export const BirthDay = byClock(Day, isBorn)

export const CreatePatient = z
  .strictObject({
    name: text(200),
    email: Email.nullish(),
    phone: Phone.nullish(),
    dateOfBirth: BirthDay,
    gender: Gender.default('unknown'),
    address: lines(500).nullish(),
  })
  .openapi('CreatePatient', {
    example: { name: 'Grace Murray', phone: '+1 212 555 0142', dateOfBirth: '1986-12-09', gender: 'female' },
  })
export type CreatePatient = z.infer<typeof CreatePatient>

export const UpdatePatient = z
  .strictObject({ ...CreatePatient.shape, gender: Gender })
  .partial()
  .openapi('UpdatePatient', { example: { phone: '+1 212 555 0199' } })
export type UpdatePatient = z.infer<typeof UpdatePatient>

export const PatientPath = z.strictObject({ id: Uuid })
