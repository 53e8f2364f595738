import { z } from '@hono/zod-openapi'
import { Instant, Uuid } from '../../http/schemas'

export const ReviewPath = z.strictObject({
  seq: z
    .string()
    .max(15)
    .regex(/^[1-9]\d{0,14}$/, 'must be the sequence number of an event')
    .transform(Number)
    .openapi({ type: 'integer', minimum: 1, maximum: 999_999_999_999_999, example: 1042 }),
})

export const EmergencyReview = z
  .object({
    patientId: Uuid,
    doctor: z.object({ id: Uuid, name: z.string().max(200) }),
    reason: z
      .string()
      .max(500)
      .openapi({ description: 'The reason that the doctor gave. It is not in the audit trail.' }),
    createdAt: Instant,
    expiresAt: Instant,
    reviewedAt: Instant.nullable(),
    reviewedBy: Uuid.nullable().openapi({ description: 'The admin who reviewed it first.' }),
  })
  .openapi('EmergencyReview', {
    example: {
      patientId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
      doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Maya Chen' },
      reason: 'Brought in unconscious, needs to be treated before relatives can be reached',
      createdAt: '2026-03-02T14:00:00Z',
      expiresAt: '2026-03-02T18:00:00Z',
      reviewedAt: '2026-03-03T08:30:00Z',
      reviewedBy: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e21',
    },
  })
export type EmergencyReview = z.infer<typeof EmergencyReview>
