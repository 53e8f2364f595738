import { z } from '@hono/zod-openapi'
import type { Selectable } from 'kysely'
import { pageFields, pageOf } from '../http/pagination'
import { Money, text, Uuid } from '../http/schemas'
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
    description: 'Cancelled up to `freeUntilMinutes` before the start all is refunded, later `lateRefundPercent`.',
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

/** A row, read on its own or inside JSON, as the API shows it. */
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
    slotIntervalMinutes: duration.optional().openapi({ description: 'Left out: the duration.' }),
    bufferBeforeMinutes: buffer.default(0),
    bufferAfterMinutes: buffer.default(0),
    mode: Mode.default('in_person'),
    price: Money,
    minimumNoticeMinutes: notice.default(0),
    horizonDays: horizon.default(90),
    cancellationPolicy: PolicyInput.default({}).openapi({
      description: 'What is left out: free until 1440 minutes before, 0 % later.',
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

export const Doctor = z
  .object({
    id: Uuid,
    name: z.string().max(200),
    specialization: z.string().max(100),
    licenseNumber: z.string().max(100).optional().openapi({ description: 'Shown to the doctor and to admins only.' }),
    bio: z.string().max(4000).nullable(),
    verified: z.boolean(),
    clinics: z.array(z.object({ id: Uuid, name: z.string().max(200), timeZone: z.string().max(64) })).max(MAX_CLINICS),
    visitTypes: z.array(VisitType).max(MAX_ACTIVE_VISIT_TYPES).openapi({
      description: 'The active ones, oldest first: the first is the one that is meant where none is named.',
    }),
    // A union keeps the name of the component; `.nullable()` would write its members out.
    nextSlot: z
      .union([Slot, z.null()])
      .optional()
      .openapi({ description: 'Only with `include=nextSlot`; null when there is none within 14 days.' }),
  })
  .openapi('Doctor', {
    example: {
      id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
      name: 'Dr. Grace Kim',
      specialization: 'Cardiology',
      bio: 'Heart failure and prevention.',
      verified: true,
      clinics: [{ id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e11', name: 'Harbor Clinic', timeZone: 'America/New_York' }],
      visitTypes: [CONSULTATION],
    },
  })
export type Doctor = z.infer<typeof Doctor>

export const DoctorPage = pageOf('Doctor', Doctor)

export const ListDoctorsQuery = z.strictObject({
  specialization: text(100).optional().openapi({ description: 'In any case.', example: 'cardiology' }),
  clinicId: Uuid.optional(),
  q: text(100).optional().openapi({ description: 'Part of the name or of the specialization, in any case.' }),
  status: z
    .enum(['verified', 'pending'])
    .default('verified')
    .openapi({ description: '`pending` is empty but for admins.' }),
  include: z.enum(['nextSlot']).optional().openapi({ description: '`nextSlot` looks 14 days ahead.' }),
  ...pageFields,
})
export type ListDoctorsQuery = z.infer<typeof ListDoctorsQuery>

export const UpdateDoctor = z
  .strictObject({
    name: text(200),
    specialization: text(100),
    bio: text(4000).nullable(),
    licenseNumber: text(100).openapi({ description: 'Once the doctor is verified only admins may change it (403).' }),
  })
  .partial()
  .openapi('UpdateDoctor', { example: { bio: 'Heart failure, prevention and second opinions.' } })
export type UpdateDoctor = z.infer<typeof UpdateDoctor>

export const VerifyDoctor = z
  .strictObject({
    clinicIds: z.array(Uuid).max(MAX_CLINICS).optional().openapi({ description: 'Left out: the doctor keeps theirs.' }),
  })
  .openapi('VerifyDoctor', { example: { clinicIds: ['01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e11'] } })
