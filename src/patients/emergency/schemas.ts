import { z } from '@hono/zod-openapi'
import { Instant, lines } from '../../http/schemas'

export const OpenEmergencyAccess = z
  .strictObject({
    reason: lines(500, 10).openapi({ description: 'Why it cannot wait. Admins and the patient can read it.' }),
  })
  .openapi('OpenEmergencyAccess', {
    example: { reason: 'Brought in unconscious, needs to be treated before relatives can be reached' },
  })
export type OpenEmergencyAccess = z.infer<typeof OpenEmergencyAccess>

export const EmergencyAccess = z
  .object({ expiresAt: Instant })
  .openapi('EmergencyAccess', { example: { expiresAt: '2026-03-02T18:00:00Z' } })
