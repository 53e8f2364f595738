import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Instant, InstantInput, Role, Uuid } from '../http/schemas'

const MAX_SEQUENCE = Number.MAX_SAFE_INTEGER

export const AuditEvent = z
  .object({
    seq: z.int().min(1).max(MAX_SEQUENCE).openapi({ description: 'Counts events from 1 without gaps.' }),
    eventId: Uuid,
    occurredAt: Instant,
    kind: z.string().max(60),
    action: z.enum(['C', 'R', 'U', 'D', 'E']).openapi({ description: 'Create, read, update, delete, execute.' }),
    outcome: z.enum(['success', 'denied', 'error']),
    actorId: Uuid.nullable().openapi({ description: 'The user who called; null for a request without a token.' }),
    // Not `.nullable()`: of a named schema the document would then make one that nothing fits.
    actorRole: z.union([Role, z.null()]),
    patientIds: z.array(Uuid).max(1000).openapi({ description: 'Whose data was read or changed.' }),
    targetId: Uuid.nullable(),
    requestId: z.string().max(200),
    ip: z.string().max(100).nullable(),
    detail: z
      .record(z.string().max(60), z.union([z.string().max(500), z.number().min(-1e15).max(1e15), z.boolean()]))
      .nullable(),
  })
  .openapi('AuditEvent', {
    example: {
      seq: 1042,
      eventId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
      occurredAt: '2026-03-02T14:00:00Z',
      kind: 'appointment.book',
      action: 'C',
      outcome: 'success',
      actorId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20',
      actorRole: 'patient',
      patientIds: ['01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e21'],
      targetId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e22',
      requestId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e23',
      ip: '203.0.113.7',
      detail: null,
    },
  })
export type AuditEvent = z.infer<typeof AuditEvent>

export const AuditEventPage = pageOf('AuditEvent', AuditEvent)

export const ListAuditEventsQuery = z.strictObject({
  ...pageFields,
  actorId: Uuid.optional(),
  patientId: Uuid.optional(),
  kind: z
    .string()
    .max(60)
    .regex(/^[a-z][a-z0-9_.]*$/, 'must be a kind of event, like appointment.book')
    .optional()
    .openapi({ example: 'appointment.book' }),
  from: InstantInput.optional().openapi({ description: 'Events at or after this instant.' }),
  to: InstantInput.optional().openapi({ description: 'Events before this instant.' }),
})

/** A sequence number as a cursor holds it. */
export const cursorSequence = z.string().regex(/^[1-9]\d{0,14}$/)
