import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { withRule } from '../http/rules'
import { Email, Instant, lines, Money, Phone, Role, text, Uuid } from '../http/schemas'
import { BirthDay } from '../patients/schemas'
import { containsEmailName, EMAIL_NAME_REFUSED, PASSWORD_MAX, PASSWORD_MIN, passwordWeakness } from './passwords/policy'
import type { UserRow } from './queries'

const EXAMPLE_PASSWORD = 'correct horse battery staple'
export const exampleUser = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  role: 'patient' as const,
  email: 'ada@example.org',
  name: 'Ada Lovelace',
  patientId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e2b',
}

/** An existing password: only checked against the hash, so it need not follow the policy. */
const GivenPassword = z.string().min(1, 'must not be empty').max(512).openapi({ format: 'password' })

/** A new password: must follow the policy. */
const NewPassword = z
  .string()
  // A code point has at most two characters here.
  .max(2 * PASSWORD_MAX)
  .superRefine((password, ctx) => {
    const message = passwordWeakness(password)
    if (message) ctx.addIssue({ code: 'custom', message })
  })
  .openapi({
    type: 'string',
    format: 'password',
    minLength: PASSWORD_MIN,
    maxLength: PASSWORD_MAX,
    description: 'Any characters. Passwords that are easy to guess are refused.',
    example: EXAMPLE_PASSWORD,
  })

const account = { email: Email, password: NewPassword, name: text(200), phone: Phone.optional() }

const RegisterPatient = z
  .strictObject({
    role: z.literal('patient'),
    ...account,
    dateOfBirth: BirthDay,
    gender: z.enum(['female', 'male', 'other', 'unknown']).optional(),
    address: lines(500).optional(),
  })
  .openapi('RegisterPatient', {
    example: {
      role: 'patient',
      email: exampleUser.email,
      password: EXAMPLE_PASSWORD,
      name: exampleUser.name,
      dateOfBirth: '1990-12-10',
    },
  })

const RegisterDoctor = z
  .strictObject({
    role: z.literal('doctor'),
    ...account,
    specialization: text(100),
    licenseNumber: text(100),
    fee: Money.optional(),
    bio: lines(4000).optional(),
  })
  .openapi('RegisterDoctor', {
    example: {
      role: 'doctor',
      email: 'grace@example.org',
      password: EXAMPLE_PASSWORD,
      name: 'Dr. Grace Hopper',
      specialization: 'Cardiology',
      licenseNumber: 'NY-204518',
      fee: { amount: 9500, currency: 'USD' },
    },
  })

export const Register = withRule(
  z.discriminatedUnion('role', [RegisterPatient, RegisterDoctor]),
  ['email', 'password'],
  ({ email, password }, refuse) => {
    if (containsEmailName(password, email)) refuse(['password'], EMAIL_NAME_REFUSED)
  },
).openapi('Register', {
  example: {
    role: 'patient',
    email: exampleUser.email,
    password: EXAMPLE_PASSWORD,
    name: exampleUser.name,
    dateOfBirth: '1990-12-10',
  },
})
export type Register = z.infer<typeof Register>

export const SignIn = z
  .strictObject({ email: Email, password: GivenPassword })
  .openapi('SignIn', { example: { email: exampleUser.email, password: EXAMPLE_PASSWORD } })
export type SignIn = z.infer<typeof SignIn>

const EXAMPLE_TOKEN = 'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0eXAiOiJyZWZyZXNoIn0.c2lnbmF0dXJl'

export const Refresh = z
  .strictObject({ refreshToken: z.string().min(1, 'must not be empty').max(2000) })
  .openapi('Refresh', { example: { refreshToken: EXAMPLE_TOKEN } })

export const ChangePassword = z
  .strictObject({ currentPassword: GivenPassword, newPassword: NewPassword })
  .openapi('ChangePassword', {
    example: { currentPassword: EXAMPLE_PASSWORD, newPassword: 'a nicer horse, a new battery' },
  })
export type ChangePassword = z.infer<typeof ChangePassword>

/** Fields of every user in answers. */
export const userFields = {
  id: Uuid,
  role: Role,
  email: Email,
  name: z.string().max(200),
  patientId: Uuid.optional().openapi({ description: "Id of the user's own patient." }),
  doctorId: Uuid.optional().openapi({ description: "Id of the user's own doctor profile." }),
}

export const User = z.object(userFields).openapi('User', { example: exampleUser })
export type User = z.infer<typeof User>

export const presentUser = ({ id, role, email, name, patientId, doctorId }: UserRow): User => ({
  id,
  role,
  email,
  name,
  ...(patientId && { patientId }),
  ...(doctorId && { doctorId }),
})

export const Tokens = z
  .object({
    accessToken: z.string().max(2000),
    refreshToken: z.string().max(2000).openapi({ description: 'Valid for one refresh, which returns the next one.' }),
    tokenType: z.literal('Bearer'),
    expiresIn: z.int().min(1).max(86_400_000).openapi({ description: 'Lifetime of the access token in seconds.' }),
    user: User,
  })
  .openapi('Tokens', {
    example: {
      accessToken: EXAMPLE_TOKEN,
      refreshToken: EXAMPLE_TOKEN,
      tokenType: 'Bearer',
      expiresIn: 900,
      user: exampleUser,
    },
  })
export type Tokens = z.infer<typeof Tokens>

export const Session = z
  .object({
    id: Uuid,
    createdAt: Instant,
    lastUsedAt: Instant.openapi({ description: 'When the session was last refreshed, or started.' }),
    ip: z.string().max(100).nullable(),
    userAgent: z.string().max(300).nullable(),
    current: z.boolean().openapi({ description: 'True for the session of this request.' }),
  })
  .openapi('Session', {
    example: {
      id: '6f1c9d7e-3b52-4a8e-9c41-d0b7f2a6e815',
      createdAt: '2026-03-02T14:00:00Z',
      lastUsedAt: '2026-03-02T15:30:00Z',
      ip: '203.0.113.7',
      userAgent: 'Mozilla/5.0',
      current: true,
    },
  })

export const SessionPage = pageOf('Session', Session)
export const ListSessionsQuery = z.strictObject(pageFields)
export const SessionPath = z.strictObject({ id: Uuid })
