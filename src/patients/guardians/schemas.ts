import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../../http/pagination'
import { Uuid } from '../../http/schemas'

export const Guardian = z.object({ userId: Uuid, name: z.string().max(200) }).openapi('Guardian', {
  example: { userId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e2a', name: 'Grace Murray' },
})
export type Guardian = z.infer<typeof Guardian>

export const GuardianPage = pageOf('Guardian', Guardian)

export const ListGuardiansQuery = z.strictObject(pageFields)
export type ListGuardiansQuery = z.infer<typeof ListGuardiansQuery>

export const AddGuardian = z
  .strictObject({ userId: Uuid.openapi({ description: 'An active account of the role `patient`.' }) })
  .openapi('AddGuardian', { example: { userId: '01980a5c-7b1e-7c3d-9f10-2a4b6c8d0e2a' } })

export const GuardianPath = z.strictObject({ id: Uuid, userId: Uuid })
