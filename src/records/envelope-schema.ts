import { z } from '@hono/zod-openapi'
import { Instant, Uuid } from '../http/schemas'

export const Author = z.object({ id: Uuid, name: z.string().max(200) }).openapi('Author', {
  description: 'The doctor who wrote it, with their name at that time.',
  example: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Dr. Maya Chen' },
})

/** Fields of every clinical document in answers. */
export const envelope = {
  id: Uuid,
  patientId: Uuid,
  doctor: Author,
  appointmentId: Uuid.nullable(),
  createdAt: Instant,
}

export const exampleEnvelope = {
  id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e30',
  patientId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f',
  doctor: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e20', name: 'Dr. Maya Chen' },
  appointmentId: null,
  createdAt: '2026-03-02T14:25:00Z',
}

/** How many amendments, attachments or events one document may have, of each kind. */
export const MAX_ENTRIES = 100
