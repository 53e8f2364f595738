import { z } from '@hono/zod-openapi'
import { withRule } from '../../http/rules'
import { Day, Uuid } from '../../http/schemas'
import { OUTSIDE_HOURS_EXAMPLE, outsideHoursFields } from '../../scheduling/affected/schemas'
import { AvailabilityException, MAX_EXCEPTIONS } from './exceptions/schemas'
import { findWeeklyProblems } from './weekly'

export const MAX_WINDOWS = 100
/** Dated schedules of one doctor at one clinic, without those that ended over a year ago. */
export const MAX_SCHEDULES = 500

const WallTime = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'must be a time of day, HH:mm', abort: true })
  .max(5)
  .openapi({ example: '09:00' })
const WallEnd = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, { error: 'must be a time of day, HH:mm up to 24:00', abort: true })
  .max(5)
  .openapi({ example: '17:00' })

const WeeklyWindow = z
  .strictObject({ weekday: z.int().min(1).max(7), start: WallTime, end: WallEnd })
  .openapi('WeeklyWindow', {
    description: 'Hours of one weekday (1 = Monday to 7 = Sunday) in the local time of the clinic. `end` may be 24:00.',
    example: { weekday: 1, start: '09:00', end: '17:00' },
  })

const Weekly = z.array(WeeklyWindow).max(MAX_WINDOWS)

const SetFields = z.strictObject({
  doctorId: Uuid.optional().openapi({ description: 'Required for admins.' }),
  clinicId: Uuid.optional().openapi({ description: 'Required if the doctor has several clinics.' }),
  weekly: Weekly.nullable().openapi({
    description:
      'An empty list means no hours. Null, only with dates, deletes the dated schedule: the standing week applies again.',
  }),
  validFrom: Day.nullish(),
  validUntil: Day.nullish().openapi({ description: 'The last day of the period. Required with `validFrom`.' }),
})

const WithWeek = withRule(SetFields, ['weekly'], ({ weekly }, refuse) => {
  for (const { index, field, message } of findWeeklyProblems(weekly ?? [])) refuse(['weekly', index, field], message)
})

const WithDates = withRule(WithWeek, ['weekly', 'validFrom'], ({ weekly, validFrom = null }, refuse) => {
  if (weekly === null && validFrom === null) refuse(['weekly'], 'may be null only for a dated schedule')
})

export const SetAvailability = withRule(
  WithDates,
  ['validFrom', 'validUntil'],
  ({ validFrom = null, validUntil = null }, refuse) => {
    if (validFrom === null && validUntil !== null) refuse(['validFrom'], 'is required with validUntil')
    if (validFrom !== null && validUntil === null) refuse(['validUntil'], 'is required with validFrom')
    if (validFrom !== null && validUntil !== null && validUntil < validFrom)
      refuse(['validUntil'], 'must not be before validFrom')
  },
).openapi('SetAvailability', {
  example: {
    weekly: [
      { weekday: 1, start: '09:00', end: '12:30' },
      { weekday: 1, start: '13:30', end: '17:00' },
    ],
  },
})
export type SetAvailability = z.infer<typeof SetAvailability>

const EXAMPLE = {
  doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  clinics: [
    {
      clinicId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e11',
      timeZone: 'America/New_York',
      schedules: [{ validFrom: null, validUntil: null, weekly: [{ weekday: 1, start: '09:00', end: '17:00' }] }],
    },
  ],
  exceptions: [],
}

export const Availability = z
  .object({
    doctorId: Uuid,
    clinics: z
      .array(
        z.object({
          clinicId: Uuid,
          timeZone: z.string().max(64),
          schedules: z
            .array(z.object({ validFrom: Day.nullable(), validUntil: Day.nullable(), weekly: Weekly }))
            .max(MAX_SCHEDULES + 1)
            .openapi({
              description:
                'The standing week (no dates) first, then the dated schedules, which replace it on their days.',
            }),
        }),
      )
      .max(50),
    exceptions: z.array(AvailabilityException).max(MAX_EXCEPTIONS),
  })
  .openapi('Availability', { example: EXAMPLE })
export type Availability = z.infer<typeof Availability>

export const ChangedAvailability = Availability.extend(outsideHoursFields).openapi('ChangedAvailability', {
  example: { ...EXAMPLE, ...OUTSIDE_HOURS_EXAMPLE },
})
