import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../../http/pagination'
import { Instant, Role, Uuid } from '../../http/schemas'

export const AccessLogEntry = z
  .object({
    eventId: Uuid,
    occurredAt: Instant,
    kind: z.string().max(60).openapi({ description: 'Kind of event, like `record.read`.' }),
    action: z.enum(['C', 'R', 'U', 'D', 'E']).openapi({ description: 'Create, read, update, delete, execute.' }),
    outcome: z.enum(['success', 'denied', 'error']),
    purpose: z.enum(['patient_request', 'treatment', 'operations', 'emergency']).nullable().openapi({
      description: 'Why the data was used. `emergency`: by a doctor with emergency access to this patient.',
    }),
    actor: z
      .object({ userId: Uuid, role: Role })
      .nullable()
      .openapi({ description: 'The user who was signed in; null for the system.' }),
    doctor: z
      .object({ id: Uuid, name: z.string().max(200) })
      .nullable()
      .openapi({ description: 'The doctor behind the actor; null if the actor is not a doctor.' }),
    targetId: Uuid.nullable().openapi({ description: 'Id of the record, appointment or other object of the event.' }),
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

export const AccessLogQuery = z.strictObject(pageFields)
