import { z } from '@hono/zod-openapi'
import { CancellationPolicy } from '../doctors/schemas'
import { pageFields, pageOf } from '../http/pagination'
import { byClock, inFuture } from '../http/rules'
import { Day, Instant, InstantInput, lines, Money, ordered, Problem, Uuid } from '../http/schemas'
import { Payment } from '../ledger/schemas'
import { RuleResult, SLOT_EXAMPLE, Slot } from '../scheduling/schemas'

export const AppointmentStatus = z
  .enum(['held', 'booked', 'checked_in', 'completed', 'no_show', 'cancelled', 'expired'])
  .openapi('AppointmentStatus')

const Name = z.string().max(200)

export const Appointment = z
  .object({
    id: Uuid,
    status: AppointmentStatus,
    patient: z.object({ id: Uuid, name: Name }),
    doctor: z.object({ id: Uuid, name: Name, specialization: Name }),
    clinic: z.object({ id: Uuid, name: Name, timeZone: z.string().max(64) }),
    visitType: z.object({ id: Uuid, name: Name, mode: z.enum(['in_person', 'telehealth']) }),
    room: z
      .object({ id: Uuid, name: z.string().max(100) })
      .optional()
      .openapi({ description: 'Only for visits that need a room.' }),
    startsAt: Instant,
    endsAt: Instant,
    localStart: z
      .string()
      .max(30)
      .openapi({ format: 'date-time', description: "`startsAt` with the clinic's offset." }),
    price: Money.openapi({ description: 'The price at booking; the cancellation policy too is as it was then.' }),
    cancellationPolicy: CancellationPolicy,
    reason: z.string().max(1000).nullable().openapi({ description: 'Always null for admins.' }),
    payment: Payment.pick({ id: true, status: true, amount: true, currency: true })
      .nullable()
      .openapi({ description: 'The active payment, else the latest one.' }),
    holdExpiresAt: Instant.optional().openapi({ description: 'Only for holds: when the hold expires or expired.' }),
    createdAt: Instant,
    version: z.int().min(1).max(2_147_483_647),
  })
  .openapi('Appointment', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e22',
      status: 'booked',
      patient: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e23', name: 'Sam Rivera' },
      doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Maya Chen', specialization: 'Cardiology' },
      clinic: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f', name: 'Harbor Clinic', timeZone: 'America/New_York' },
      visitType: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e21', name: 'Consultation', mode: 'in_person' },
      startsAt: '2026-03-02T14:00:00Z',
      endsAt: '2026-03-02T14:30:00Z',
      localStart: '2026-03-02T09:00:00-05:00',
      price: { amount: 9500, currency: 'USD' },
      cancellationPolicy: { freeUntilMinutes: 1440, lateRefundPercent: 0 },
      reason: 'Chest pain when climbing stairs',
      payment: null,
      createdAt: '2026-02-20T09:30:00Z',
      version: 1,
    },
  })
export type Appointment = z.infer<typeof Appointment>

export const AppointmentPage = pageOf('Appointment', Appointment)

const Override = z.enum(['minimum_notice', 'horizon', 'hours'])
export type Override = z.infer<typeof Override>

export const BookAppointment = z
  .strictObject({
    doctorId: Uuid,
    startsAt: byClock(InstantInput, inFuture),
    visitTypeId: Uuid.optional().openapi({ description: "Default: the doctor's first active visit type." }),
    clinicId: Uuid.optional().openapi({
      description: 'Default: the clinic where the doctor has hours at this time; required if there are several.',
    }),
    patientId: Uuid.optional().openapi({
      description: 'Required for doctors and admins; the default for patients is themselves.',
    }),
    reason: lines(1000).optional().openapi({ description: 'Required with `override`.' }),
    hold: z.literal(true).optional().openapi({
      description: 'Only hold the time for some minutes; confirm with `PUT /appointments/{id}/confirm`.',
    }),
    override: z
      .array(Override)
      .min(1)
      .max(3)
      .refine((names) => new Set(names).size === names.length, 'must not name a rule twice')
      .optional()
      .openapi({
        uniqueItems: true,
        description:
          'For doctors and admins, with a `reason`: rules to ignore for this booking. `hours` ignores the working hours and their grid, but not time off or closures. A busy time can never be booked.',
      }),
  })
  .openapi('BookAppointment', {
    example: {
      doctorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
      startsAt: '2026-03-02T09:00:00-05:00',
      reason: 'Chest pain when climbing stairs',
    },
  })
export type BookAppointment = z.output<typeof BookAppointment>

export const BookingConflict = Problem.extend({
  alternatives: z.array(Slot).max(5).optional().openapi({
    description:
      'With `slot_taken` and `patient_busy`: the nearest times that this patient can book, with the same doctor or, if these are too few, with doctors of the same specialization.',
  }),
  rules: z
    .array(RuleResult)
    .max(20)
    .optional()
    .openapi({ description: 'With `not_bookable`: whether each rule passes.' }),
}).openapi('BookingConflict')

export const BOOKING_CONFLICTS = {
  slot_taken: { alternatives: [SLOT_EXAMPLE] },
  patient_busy: { alternatives: [SLOT_EXAMPLE] },
  not_bookable: {
    rules: [
      { rule: 'future', pass: true, detail: 'starts in the future' },
      { rule: 'minimum_notice', pass: false, detail: 'inside minimum notice of 120 min' },
    ],
  },
}

export const CancelAppointment = z
  .strictObject({ reason: lines(1000).optional() })
  .openapi('CancelAppointment', { example: { reason: 'Travelling that week' } })
export type CancelAppointment = z.output<typeof CancelAppointment>

export const CancellationQuote = z
  .object({
    allowed: z.boolean().openapi({ description: 'Whether the caller could cancel now.' }),
    refund: Money.openapi({
      description: 'What would be refunded of the payments made so far; 0 when cancelling is not allowed.',
    }),
    policyShare: Money.openapi({
      description:
        'The share of the price that the policy leaves to the patient now; 0 when cancelling is not allowed.',
    }),
    alreadyRefunded: Money.openapi({ description: 'Earlier refunds, those on their way included.' }),
    policy: CancellationPolicy,
  })
  .openapi('CancellationQuote', {
    example: {
      allowed: true,
      refund: { amount: 7000, currency: 'USD' },
      policyShare: { amount: 9500, currency: 'USD' },
      alreadyRefunded: { amount: 2500, currency: 'USD' },
      policy: { freeUntilMinutes: 1440, lateRefundPercent: 0 },
    },
  })
export type CancellationQuote = z.infer<typeof CancellationQuote>

export const RescheduleAppointment = z
  .strictObject({
    startsAt: byClock(InstantInput, inFuture),
    clinicId: Uuid.optional().openapi({
      description:
        'Default: the same clinic if the doctor has hours there at the new time, else the clinic with hours then.',
    }),
  })
  .openapi('RescheduleAppointment', { example: { startsAt: '2026-03-03T09:30:00-05:00' } })
export type RescheduleAppointment = z.output<typeof RescheduleAppointment>

export const ProgressAppointment = z
  .strictObject({
    reason: lines(1000).optional().openapi({ description: 'Required to undo a status that was set by mistake.' }),
  })
  .openapi('ProgressAppointment', { example: { reason: 'Marked the wrong patient' } })
export type ProgressAppointment = z.output<typeof ProgressAppointment>

export const UndoCheckIn = z
  .strictObject({ reason: lines(1000) })
  .openapi('UndoCheckIn', { example: { reason: 'Marked the wrong patient' } })
export type UndoCheckIn = z.output<typeof UndoCheckIn>

const statuses = AppointmentStatus.options.join('|')

export const ListAppointmentsQuery = ordered(
  z.strictObject({
    ...pageFields,
    status: z
      .string()
      .max(200)
      .regex(new RegExp(`^(${statuses})(,(${statuses}))*$`), `must be one or more of ${statuses}, separated by commas`)
      .transform((list) => list.split(','))
      .pipe(z.array(AppointmentStatus))
      .optional()
      .openapi({
        type: 'string',
        maxLength: 200,
        pattern: `^(${statuses})(,(${statuses}))*$`,
        example: 'booked,checked_in',
        description: 'Default: all but `expired`.',
      }),
    from: Day.optional().openapi({ description: 'The first local day of the appointments, inclusive.' }),
    to: Day.optional().openapi({ description: 'The last local day, inclusive.' }),
    doctorId: Uuid.optional(),
    patientId: Uuid.optional(),
    clinicId: Uuid.optional(),
    order: z.enum(['asc', 'desc']).default('asc').openapi({ description: 'By `startsAt`, then `id`.' }),
  }),
)
export type ListAppointmentsQuery = z.output<typeof ListAppointmentsQuery>

export const AppointmentPath = z.strictObject({ id: Uuid })
