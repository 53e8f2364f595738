import { z } from '@hono/zod-openapi'
import type { Selectable } from 'kysely'
import { pageFields, pageOf } from '../http/pagination'
import { lines, Money, text, Uuid } from '../http/schemas'
import {
  AFFECTED_EXAMPLE,
  affectedFields,
  OUTSIDE_HOURS_EXAMPLE,
  outsideHoursFields,
} from '../scheduling/affected/schemas'
import { Slot } from '../scheduling/schemas'
import type { VisitTypesTable } from './tables'

const YEAR_OF_MINUTES = 525_600
const DAY_OF_MINUTES = 1440
const MAX_CLINICS = 50
export const MAX_ACTIVE_VISIT_TYPES = 50
export const MAX_SPECIALIZATIONS = 500

const Mode = z.enum(['in_person', 'telehealth'])
const duration = z.int().min(5).max(DAY_OF_MINUTES)
const buffer = z.int().min(0).max(DAY_OF_MINUTES)
const notice = z.int().min(0).max(YEAR_OF_MINUTES)
const horizon = z.int().min(1).max(730)
const freeUntil = z.int().min(0).max(YEAR_OF_MINUTES)
const percent = z.int().min(0).max(100)

export const CancellationPolicy = z
  .object({ freeUntilMinutes: freeUntil, lateRefundPercent: percent })
  .openapi('CancellationPolicy', {
    description:
      'A patient who cancels at least `freeUntilMinutes` before the start gets a full refund; later, `lateRefundPercent` percent of the price.',
    example: { freeUntilMinutes: 1440, lateRefundPercent: 0 },
  })
export type CancellationPolicy = z.infer<typeof CancellationPolicy>

const CONSULTATION = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e2a',
  name: 'Consultation',
  durationMinutes: 30,
  slotIntervalMinutes: 30,
  bufferBeforeMinutes: 0,
  bufferAfterMinutes: 10,
  mode: 'in_person' as const,
  price: { amount: 9500, currency: 'USD' },
  minimumNoticeMinutes: 60,
  horizonDays: 90,
  cancellationPolicy: { freeUntilMinutes: 1440, lateRefundPercent: 0 },
  requiresRoom: false,
  requiresPrepayment: false,
  active: true,
}

export const VisitType = z
  .object({
    id: Uuid,
    name: z.string().max(100),
    durationMinutes: duration,
    slotIntervalMinutes: duration,
    bufferBeforeMinutes: buffer,
    bufferAfterMinutes: buffer,
    mode: Mode,
    price: Money,
    minimumNoticeMinutes: notice,
    horizonDays: horizon,
    cancellationPolicy: CancellationPolicy,
    requiresRoom: z.boolean(),
    requiresPrepayment: z.boolean(),
    active: z.boolean(),
  })
  .openapi('VisitType', { example: CONSULTATION })
export type VisitType = z.infer<typeof VisitType>

type VisitTypeRow = Omit<Selectable<VisitTypesTable>, 'doctorId' | 'version' | 'createdAt'>

/** The API form of a row, whether it was read as a row or as JSON. */
export const presentVisitType = (row: VisitTypeRow): VisitType => ({
  id: row.id,
  name: row.name,
  durationMinutes: row.durationMinutes,
  slotIntervalMinutes: row.slotIntervalMinutes,
  bufferBeforeMinutes: row.bufferBeforeMinutes,
  bufferAfterMinutes: row.bufferAfterMinutes,
  mode: row.mode,
  price: { amount: row.priceAmount, currency: row.priceCurrency },
  minimumNoticeMinutes: row.minimumNoticeMinutes,
  horizonDays: row.horizonDays,
  cancellationPolicy: {
    freeUntilMinutes: row.cancellationFreeUntilMinutes,
    lateRefundPercent: row.cancellationLateRefundPercent,
  },
  requiresRoom: row.requiresRoom,
  requiresPrepayment: row.requiresPrepayment,
  active: row.active,
})

export const VisitTypePage = pageOf('VisitType', VisitType)
export const ListVisitTypesQuery = z.strictObject(pageFields)

const PolicyInput = z.strictObject({ freeUntilMinutes: freeUntil.optional(), lateRefundPercent: percent.optional() })

const visitTypeFields = z.strictObject({
  name: text(100),
  durationMinutes: duration,
  slotIntervalMinutes: duration,
  bufferBeforeMinutes: buffer,
  bufferAfterMinutes: buffer,
  mode: Mode,
  price: Money,
  minimumNoticeMinutes: notice,
  horizonDays: horizon,
  cancellationPolicy: PolicyInput,
  requiresRoom: z.boolean(),
  requiresPrepayment: z.boolean(),
  active: z.boolean(),
})

export const CreateVisitType = z
  .strictObject({
    ...visitTypeFields.partial().shape,
    name: visitTypeFields.shape.name,
    durationMinutes: duration.default(30),
    slotIntervalMinutes: duration.optional().openapi({ description: 'By default the duration.' }),
    bufferBeforeMinutes: buffer.default(0),
    bufferAfterMinutes: buffer.default(0),
    mode: Mode.default('in_person'),
    price: Money,
    minimumNoticeMinutes: notice.default(0),
    horizonDays: horizon.default(90),
    cancellationPolicy: PolicyInput.default({}).openapi({
      description: 'By default a full refund until 1440 minutes before the start, and no refund later.',
    }),
    requiresRoom: z.boolean().default(false),
    requiresPrepayment: z.boolean().default(false),
    active: z.boolean().default(true),
  })
  .openapi('CreateVisitType', {
    example: { name: 'Consultation', price: { amount: 9500, currency: 'USD' }, bufferAfterMinutes: 10 },
  })
export type CreateVisitType = z.infer<typeof CreateVisitType>

export const UpdateVisitType = visitTypeFields
  .partial()
  .openapi('UpdateVisitType', { example: { durationMinutes: 45, price: { amount: 12_000, currency: 'USD' } } })
export type UpdateVisitType = z.infer<typeof UpdateVisitType>

export const DoctorPath = z.strictObject({ id: Uuid })
export const VisitTypePath = z.strictObject({ id: Uuid, visitTypeId: Uuid })

const Specialization = z
  .object({ name: z.string().max(100), doctors: z.int().min(1).max(1_000_000) })
  .openapi('Specialization', { example: { name: 'Cardiology', doctors: 3 } })
export const Specializations = z
  .array(Specialization)
  .max(MAX_SPECIALIZATIONS)
  .openapi('Specializations', { example: [{ name: 'Cardiology', doctors: 3 }] })

const DOCTOR_EXAMPLE = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  name: 'Dr. Grace Kim',
  specialization: 'Cardiology',
  bio: 'Heart failure and prevention.',
  verified: true,
  clinics: [{ id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e11', name: 'Harbor Clinic', timeZone: 'America/New_York' }],
  visitTypes: [CONSULTATION],
}

export const Doctor = z
  .object({
    id: Uuid,
    name: z.string().max(200),
    specialization: z.string().max(100),
    licenseNumber: z.string().max(100).optional().openapi({ description: 'Only for the doctor and for admins.' }),
    bio: z.string().max(4000).nullable(),
    verified: z.boolean(),
    clinics: z.array(z.object({ id: Uuid, name: z.string().max(200), timeZone: z.string().max(64) })).max(MAX_CLINICS),
    visitTypes: z.array(VisitType).max(MAX_ACTIVE_VISIT_TYPES).openapi({
      description: 'Active visit types, oldest first. The first is the default where a request names no visit type.',
    }),
    // A union keeps the reference to the component; `.nullable()` would copy its members into the document.
    nextSlot: z
      .union([Slot, z.null()])
      .optional()
      .openapi({ description: 'Only with `include=nextSlot`. Null when there is no free slot within 14 days.' }),
  })
  .openapi('Doctor', { example: DOCTOR_EXAMPLE })
export type Doctor = z.infer<typeof Doctor>

const { appointmentsOutsideHours, outsideHoursTotal } = outsideHoursFields

export const VerifiedDoctor = Doctor.extend({
  appointmentsOutsideHours: appointmentsOutsideHours.optional(),
  outsideHoursTotal: outsideHoursTotal.optional(),
}).openapi('VerifiedDoctor', {
  description:
    'A verified doctor. Only `clinicIds` adds the upcoming appointments at clinics that the doctor has left.',
  example: { ...DOCTOR_EXAMPLE, ...OUTSIDE_HOURS_EXAMPLE },
})

export const UnverifiedDoctor = Doctor.extend(affectedFields).openapi('UnverifiedDoctor', {
  description: 'A doctor who can no longer be booked, with the upcoming appointments.',
  example: { ...DOCTOR_EXAMPLE, verified: false, ...AFFECTED_EXAMPLE },
})

export const DoctorPage = pageOf('Doctor', Doctor)

export const ListDoctorsQuery = z.strictObject({
  specialization: text(100)
    .optional()
    .openapi({ description: 'Upper and lower case count as the same.', example: 'cardiology' }),
  clinicId: Uuid.optional(),
  q: text(100).optional().openapi({
    description:
      'Words or parts of words that must all occur in name or specialization; case, accents and apostrophes do not matter. One typo in a word is forgiven if nobody is found.',
  }),
  status: z
    .enum(['verified', 'pending'])
    .default('verified')
    .openapi({ description: '`pending` returns unverified doctors to admins, and an empty list to all others.' }),
  include: z
    .enum(['nextSlot'])
    .optional()
    .openapi({ description: '`nextSlot` adds the next free slot within 14 days to each doctor.' }),
  ...pageFields,
})
export type ListDoctorsQuery = z.infer<typeof ListDoctorsQuery>

export const UpdateDoctor = z
  .strictObject({
    name: text(200),
    specialization: text(100),
    bio: lines(4000).nullable(),
    licenseNumber: text(100).openapi({
      description: 'Only admins may change the licence number of a verified doctor (403).',
    }),
  })
  .partial()
  .openapi('UpdateDoctor', { example: { bio: 'Heart failure, prevention and second opinions.' } })
export type UpdateDoctor = z.infer<typeof UpdateDoctor>

export const VerifyDoctor = z
  .strictObject({
    clinicIds: z
      .array(Uuid)
      .max(MAX_CLINICS)
      .optional()
      .openapi({ description: 'The clinics of the doctor. By default they do not change.' }),
  })
  .openapi('VerifyDoctor', { example: { clinicIds: ['01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e11'] } })
