import { z } from '@hono/zod-openapi'
import { pageFields, pageOf } from '../../http/pagination'
import { formatInstant, Instant, Role, text, Uuid } from '../../http/schemas'
import { AFFECTED_EXAMPLE, affectedFields } from '../../scheduling/affected/schemas'
import type { UserRow } from '../queries'
import { exampleUser, presentUser, userFields } from '../schemas'

const Status = z.enum(['active', 'disabled'])

export const UserAccount = z
  .object({ ...userFields, phone: z.string().max(31).nullable(), status: Status, createdAt: Instant })
  .openapi('UserAccount', {
    example: { ...exampleUser, phone: null, status: 'active', createdAt: '2026-03-02T14:00:00Z' },
  })
export type UserAccount = z.infer<typeof UserAccount>

export const presentUserAccount = (user: UserRow): UserAccount => ({
  ...presentUser(user),
  phone: user.phone,
  status: user.status,
  createdAt: formatInstant(user.createdAt),
})

const { affectedAppointments, affectedTotal } = affectedFields

export const UpdatedUserAccount = UserAccount.extend({
  affectedAppointments: affectedAppointments.optional(),
  affectedTotal: affectedTotal.optional(),
}).openapi('UpdatedUserAccount', {
  description: 'An account after a change. Only disabling a doctor adds the upcoming appointments of the doctor.',
  example: {
    ...exampleUser,
    role: 'doctor' as const,
    phone: null,
    status: 'disabled' as const,
    createdAt: '2026-03-02T14:00:00Z',
    ...AFFECTED_EXAMPLE,
  },
})

export const UserAccountPage = pageOf('UserAccount', UserAccount)
export const ListUsersQuery = z.strictObject({
  ...pageFields,
  role: Role.optional(),
  status: Status.optional(),
  q: text(100).optional().openapi({
    description:
      'Words or parts of words that must all occur in name, email or phone, as in the search of patients; one typo is forgiven if nobody is found.',
  }),
})
export const UserPath = z.strictObject({ id: Uuid })

export const UpdateUser = z.strictObject({ status: Status }).openapi('UpdateUser', { example: { status: 'disabled' } })
export type UpdateUser = z.infer<typeof UpdateUser>
