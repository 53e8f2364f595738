import { z } from '@hono/zod-openapi'
import { Instant, Uuid } from '../../http/schemas'

/** A longer list is cut; its full length is in the total. */
export const MAX_LISTED = 100
/** Only so many upcoming appointments, the next ones, are compared with the hours. */
export const MAX_EXAMINED = 10_000

const EXAMPLE = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e22',
  status: 'booked' as const,
  doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
  patientId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e23',
  startsAt: '2027-03-02T14:00:00Z',
  endsAt: '2027-03-02T14:30:00Z',
  localStart: '2027-03-02T09:00:00-05:00',
}

export const AffectedAppointment = z
  .object({
    id: Uuid,
    status: z.enum(['held', 'booked', 'checked_in']),
    doctorId: Uuid,
    patientId: Uuid,
    startsAt: Instant,
    endsAt: Instant,
    localStart: z
      .string()
      .max(30)
      .openapi({ format: 'date-time', description: '`startsAt` with the offset of the appointment’s own time zone.' }),
  })
  .openapi('AffectedAppointment', {
    description: 'An appointment that the change conflicts with. It stays as it is: move or cancel it where needed.',
    example: EXAMPLE,
  })
export type AffectedAppointment = z.infer<typeof AffectedAppointment>

/** The first appointments that a change affects, and how many there are in all. */
export type Affected = { appointments: AffectedAppointment[]; total: number }

const listed = z.array(AffectedAppointment).max(MAX_LISTED)

/** For the answer to a change that makes a time range unavailable. */
export const affectedFields = {
  affectedAppointments: listed.openapi({
    description: `Upcoming appointments that overlap this time, earliest first; at most ${MAX_LISTED}.`,
  }),
  affectedTotal: z.int().min(0).max(1_000_000_000).openapi({ description: 'How many appointments overlap this time.' }),
}
export const AFFECTED_EXAMPLE = { affectedAppointments: [EXAMPLE], affectedTotal: 1 }

/** For the answer to a change of hours. */
export const outsideHoursFields = {
  appointmentsOutsideHours: listed.openapi({
    description: `Upcoming appointments outside the hours as they are now, or in time off or a closure, earliest first; at most ${MAX_LISTED}.`,
  }),
  outsideHoursTotal: z
    .int()
    .min(0)
    .max(MAX_EXAMINED)
    .openapi({ description: `How many of the next ${MAX_EXAMINED} appointments are outside.` }),
}
export const OUTSIDE_HOURS_EXAMPLE = { appointmentsOutsideHours: [EXAMPLE], outsideHoursTotal: 1 }

export const presentAffected = ({ appointments, total }: Affected) => ({
  affectedAppointments: appointments,
  affectedTotal: total,
})

export const presentOutsideHours = ({ appointments, total }: Affected) => ({
  appointmentsOutsideHours: appointments,
  outsideHoursTotal: total,
})
