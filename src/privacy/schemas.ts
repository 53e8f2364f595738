import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Instant, Role, Uuid } from '../http/schemas'

export const AccessLogEntry = z
  .object({
    eventId: Uuid,
    occurredAt: Instant,
    kind: z.string().max(60).openapi({ description: 'What was done, like `record.read`.' }),
    action: z.enum(['C', 'R', 'U', 'D', 'E']).openapi({ description: 'Create, read, update, delete, execute.' }),
    outcome: z.enum(['success', 'denied', 'error']),
    purpose: z
      .enum(['patient_request', 'treatment', 'operations', 'emergency'])
      .nullable()
      .openapi({ description: '`emergency`: by a doctor who had emergency access to this patient.' }),
    actor: z
      .object({ userId: Uuid, role: Role })
      .nullable()
      .openapi({ description: 'Who was signed in; null for what the system did by itself.' }),
    doctor: z
      .object({ id: Uuid, name: z.string().max(200) })
      .nullable()
      .openapi({ description: 'Which doctor that was; null for all others.' }),
    targetId: Uuid.nullable().openapi({ description: 'The one thing it was about, like a record.' }),
  })
  .openapi('AccessLogEntry', {
    example: {
      eventId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
      occurredAt: '2026-03-02T14:00:00Z',
      kind: 'record.read',
      action: 'R',
      outcome: 'success',
      purpose: 'treatment',
      actor: { userId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', role: 'doctor' },
      doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e21', name: 'Maya Chen' },
      targetId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e22',
    },
  })
export type AccessLogEntry = z.infer<typeof AccessLogEntry>

export const AccessLogPage = pageOf('AccessLogEntry', AccessLogEntry)

export const PatientErasure = z.object({ id: Uuid, erasedAt: Instant }).openapi('PatientErasure', {
  example: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f', erasedAt: '2026-03-02T14:00:00Z' },
})

export const AccessLogQuery = z.strictObject(pageFields)
