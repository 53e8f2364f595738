import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Currency, lines, Phone, text, Uuid } from '../http/schemas'
import { OUTSIDE_HOURS_EXAMPLE, outsideHoursFields } from '../scheduling/affected/schemas'
import { isTimeZone } from '../scheduling/local-time'

const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be an IANA time zone')
  .openapi({ example: 'America/New_York' })

const EXAMPLE = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  name: 'Harbor Clinic',
  timeZone: 'America/New_York',
  currency: 'USD',
  address: '12 Pier Street, New York',
  phone: '+1 212 555 0100',
}

export const Clinic = z
  .object({
    id: Uuid,
    name: z.string().max(200),
    timeZone: z.string().max(64),
    currency: z.string().max(3),
    address: z.string().max(500).nullable(),
    phone: z.string().max(31).nullable(),
  })
  .openapi('Clinic', { example: EXAMPLE })
export type Clinic = z.infer<typeof Clinic>

export const ClinicPage = pageOf('Clinic', Clinic)

export const ListClinicsQuery = z.strictObject(pageFields)

export const CreateClinic = z
  .strictObject({
    name: text(200),
    timeZone: TimeZone,
    currency: Currency,
    address: lines(500).nullish(),
    phone: Phone.nullish(),
  })
  .openapi('CreateClinic', {
    example: {
      name: 'Harbor Clinic',
      timeZone: 'America/New_York',
      currency: 'USD',
      address: '12 Pier Street, New York',
    },
  })
export type CreateClinic = z.infer<typeof CreateClinic>

export const UpdateClinic = CreateClinic.partial()
  .extend({
    deactivateVisitTypes: z.boolean().optional().openapi({
      description: 'With a new currency: switches off the visit types that could not be booked any more.',
    }),
  })
  .openapi('UpdateClinic', { example: { name: 'Harbor Family Clinic' } })
export type UpdateClinic = z.infer<typeof UpdateClinic>

const { appointmentsOutsideHours, outsideHoursTotal } = outsideHoursFields

export const UpdatedClinic = Clinic.extend({
  appointmentsOutsideHours: appointmentsOutsideHours.optional(),
  outsideHoursTotal: outsideHoursTotal.optional(),
}).openapi('UpdatedClinic', {
  description:
    'A clinic after a change. Only a change of the time zone adds the appointments that are now outside working hours.',
  example: { ...EXAMPLE, ...OUTSIDE_HOURS_EXAMPLE },
})

export const ClinicPath = z.strictObject({ id: Uuid })
