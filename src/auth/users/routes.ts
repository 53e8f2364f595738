import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { presentAffected } from '../../scheduling/affected/schemas'
import {
  ListUsersQuery,
  presentUserAccount,
  UpdatedUserAccount,
  UpdateUser,
  UserAccountPage,
  UserPath,
} from './schemas'
import { listUserAccounts, patientIdsOf, updateUser } from './service'

const listUsersOperation = operation({
  method: 'get',
  path: '/users',
  tag: 'Users',
  operationId: 'listUsers',
  summary: 'List user accounts',
  description: 'Newest first.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'user.list', action: 'R' },
  query: ListUsersQuery,
  answer: { status: 200, description: 'A page of accounts', schema: UserAccountPage },
})

const updateUserOperation = operation({
  method: 'patch',
  path: '/users/{id}',
  tag: 'Users',
  operationId: 'updateUser',
  summary: 'Disable or enable an account',
  description:
    'Disabling an account ends all its sessions. A disabled doctor is no longer listed and can no longer be booked; existing appointments stay, can be cancelled without a fee, and are listed in the answer. The last active admin cannot be disabled.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'user.update', action: 'U' },
  params: UserPath,
  body: UpdateUser,
  answer: { status: 200, description: 'The updated account', schema: UpdatedUserAccount },
  problems: ['invalid_state'],
})

export function userRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listUsersOperation, async (ctx, { query }) => {
    const { page, patientIds } = await listUserAccounts(ctx, query)
    return answer(page, { audit: { patientIds } })
  })

  mutation(updateUserOperation, READABLE_BY_ROLE, async (ctx, { params, body }) => {
    const { user, affected } = await updateUser(ctx, params.id, body)
    const visitors = affected?.appointments.map(({ patientId }) => patientId) ?? []
    const patientIds = [...new Set([...patientIdsOf([user]), ...visitors])]
    return answer(
      { ...presentUserAccount(user), ...(affected && presentAffected(affected)) },
      { audit: { targetId: user.id, patientIds, detail: { status: user.status } } },
    )
  })

  return app
}
