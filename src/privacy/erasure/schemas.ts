import { z } from '@hono/zod-openapi'
import { Instant, Uuid } from '../../http/schemas'

export const PatientErasure = z.object({ id: Uuid, erasedAt: Instant }).openapi('PatientErasure', {
  example: { id: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e1f', erasedAt: '2026-03-02T14:00:00Z' },
})
