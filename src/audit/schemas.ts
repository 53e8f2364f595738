import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../http/pagination'
import { Instant, InstantInput, ordered, Role, Uuid } from '../http/schemas'

const MAX_SEQUENCE = Number.MAX_SAFE_INTEGER

export const TrailEvent = z
  .object({
    seq: z
      .int()
      .min(1)
      .max(MAX_SEQUENCE)
      .openapi({ description: 'Sequence number: counts events from 1 without gaps.' }),
    eventId: Uuid,
    occurredAt: Instant,
    kind: z.string().max(60),
    action: z.enum(['C', 'R', 'U', 'D', 'E']).openapi({ description: 'Create, read, update, delete, execute.' }),
    outcome: z.enum(['success', 'denied', 'error']),
    actorId: Uuid.nullable().openapi({
      description: 'The user who made the request; null without a token and for the system.',
    }),
    // Not `.nullable()`: for a named schema the generator would write a schema that no value matches.
    actorRole: z.union([Role, z.null()]),
    purpose: z
      .enum(['patient_request', 'treatment', 'operations', 'emergency'])
      .nullable()
      .openapi({ description: 'Why health data was used; null if none was.' }),
    patientIds: z.array(Uuid).max(1000).openapi({ description: 'The patients whose data was read or changed.' }),
    targetId: Uuid.nullable(),
    requestId: z.string().max(200),
    ip: z.string().max(100).nullable(),
    detail: z
      .record(z.string().max(60), z.union([z.string().max(500), z.number().min(-1e15).max(1e15), z.boolean()]))
      .nullable(),
    reviewedAt: Instant.nullable().optional().openapi({
      description: 'Only for an emergency access that was opened: when an admin reviewed it, or null.',
    }),
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
      purpose: 'patient_request',
      patientIds: ['01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e21'],
      targetId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e22',
      requestId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e23',
      ip: '203.0.113.7',
      detail: null,
    },
  })
export type TrailEvent = z.infer<typeof TrailEvent>

const Sha256 = z
  .string()
  .length(64)
  .regex(/^[0-9a-f]+$/)

export const AuditVerdict = z
  .object({
    intact: z.boolean().openapi({ description: 'True when every checked event is as it was written.' }),
    acceptedGaps: z
      .array(z.object({ first: z.int().min(1).max(MAX_SEQUENCE), last: z.int().min(1).max(MAX_SEQUENCE) }))
      .max(10_000)
      .openapi({
        description:
          'Missing events that an operator accepted with `audit:reconcile`, both numbers included. `intact` is then false; with `finding` null all else is as it was written.',
      }),
    complete: z
      .boolean()
      .openapi({ description: 'False when the time limit was reached before the end of the chain.' }),
    events: z.int().min(0).max(MAX_SEQUENCE).openapi({ description: 'How many events were checked and are correct.' }),
    first: z.int().min(1).max(MAX_SEQUENCE).openapi({ description: 'The first checked event.' }),
    last: z
      .int()
      .min(0)
      .max(MAX_SEQUENCE)
      .openapi({ description: 'The last event of the chain, as PostgreSQL knows it.' }),
    checkpoint: z
      .object({
        seq: z.int().min(1).max(MAX_SEQUENCE),
        createdAt: Instant,
        hash: Sha256,
        line: z
          .string()
          .max(300)
          .openapi({ description: 'The checkpoint with its signature, in the format of `audit:verify --kept`.' }),
      })
      .nullable()
      .openapi({ description: 'The newest checkpoint.' }),
    finding: z
      .object({
        seq: z.number().min(-MAX_SEQUENCE).max(MAX_SEQUENCE).nullable(),
        problem: z.string().max(300),
      })
      .nullable()
      .openapi({ description: 'The first event that was changed or removed, and what is wrong with it.' }),
  })
  .openapi('AuditVerdict', {
    example: {
      intact: true,
      acceptedGaps: [],
      complete: true,
      events: 43,
      first: 1000,
      last: 1042,
      checkpoint: {
        seq: 1000,
        createdAt: '2026-03-02T14:00:00Z',
        hash: '2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae',
        line: '1000 2026-03-02T14:00:00.000Z 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae 8Qx3vGxJ0m0Zk9mXq3lqzF2rJfC8o6h5w0pQm2Jb7oI1n2o3c4d5e6f7g8h9i0j1k2l3m4n5o6p7q8r9s0t1uw==',
      },
      finding: null,
    },
  })
export type AuditVerdict = z.infer<typeof AuditVerdict>

export const TrailEventPage = pageOf('AuditEvent', TrailEvent)

export const ListAuditEventsQuery = ordered(
  z.strictObject({
    ...pageFields,
    actorId: Uuid.optional(),
    patientId: Uuid.optional(),
    kind: z
      .string()
      .max(60)
      .regex(/^[a-z][a-z0-9_.]*$/, 'must be a kind of audit event, like appointment.book')
      .optional()
      .openapi({ example: 'appointment.book' }),
    from: InstantInput.optional().openapi({ description: 'Events at or after this instant.' }),
    to: InstantInput.optional().openapi({ description: 'Events before this instant.' }),
  }),
)

/** A sequence number in a list cursor. */
export const cursorSequence = z.string().regex(/^[1-9]\d{0,14}$/)
