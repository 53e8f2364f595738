import type { Deps } from '../../deps'
import { answer } from '../../http/answer'
import { operation } from '../../http/operations/operation'
import { READABLE_BY_ROLE } from '../../http/operations/replay'
import { createRouter } from '../../http/operations/router'
import { ListUsersQuery, presentUserAccount, UpdateUser, UserAccount, UserAccountPage, UserPath } from './schemas'
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
  description: 'Disabling an account ends all its sessions. The last active admin cannot be disabled.',
  access: ['admin'],
  who: 'admins',
  audit: { kind: 'user.update', action: 'U' },
  params: UserPath,
  body: UpdateUser,
  answer: { status: 200, description: 'The updated account', schema: UserAccount },
  problems: ['invalid_state'],
})

export function userRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  read(listUsersOperation, async (ctx, { query }) => {
    const { page, patientIds } = await listUserAccounts(ctx, query)
    return answer(page, { audit: { patientIds } })
  })

  mutation(updateUserOperation, READABLE_BY_ROLE, async (ctx, { params, body }) => {
    const user = await updateUser(ctx, params.id, body)
    const audit = { targetId: user.id, patientIds: patientIdsOf([user]), detail: { status: user.status } }
    return answer(presentUserAccount(user), { audit })
  })

  return app
}
