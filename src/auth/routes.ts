import type { Deps } from '../deps'
import { answer, noContent } from '../http/answer'
import { operation } from '../http/operations/operation'
import { NEVER_REPLAYED, READABLE_FOR_GOOD } from '../http/operations/replay'
import { createRouter } from '../http/operations/router'
import { changePassword, checkPasswordChange } from './passwords/change'
import { hashPassword } from './passwords/hashing'
import { register } from './register'
import {
  ChangePassword,
  ListSessionsQuery,
  presentUser,
  Refresh,
  Register,
  SessionPage,
  SessionPath,
  SignIn,
  Tokens,
  User,
} from './schemas'
import { refresh } from './sessions/refresh'
import { endOwnSession, endSessions, listOwnSessions } from './sessions/service'
import { verifyRefreshToken } from './sessions/tokens'
import { findByCredentials, signIn } from './sign-in'
import { getUser, patientIdsOf } from './users/service'

const registerOperation = operation({
  method: 'post',
  path: '/auth/register',
  tag: 'Auth',
  operationId: 'register',
  summary: 'Create an account',
  description:
    'A patient may book at once. A doctor is neither listed nor bookable until an admin verifies them. They get the visit type "Consultation" with their fee as its price, and join the clinic if there is exactly one.',
  access: 'public',
  who: 'anyone',
  audit: { kind: 'account.register', action: 'C' },
  rateLimit: 'register',
  body: Register,
  answer: { status: 201, description: 'Signed in', schema: Tokens, headers: ['Location'] },
  problems: ['email_taken'],
})

const signInOperation = operation({
  method: 'post',
  path: '/auth/login',
  tag: 'Auth',
  operationId: 'signIn',
  summary: 'Sign in',
  description: 'Starts a session. The answer to a failure is the same for every cause; failures are audited.',
  access: 'public',
  who: 'anyone',
  audit: { kind: 'auth.sign_in', action: 'E' },
  rateLimit: 'sign_in',
  body: SignIn,
  answer: { status: 200, description: 'Signed in', schema: Tokens },
  problems: ['invalid_credentials'],
})

const refreshOperation = operation({
  method: 'post',
  path: '/auth/refresh',
  tag: 'Auth',
  operationId: 'refresh',
  summary: 'Refresh the tokens',
  description:
    'Returns a new access token and rotates the refresh token. The previous refresh token gets the same new tokens again for a few seconds; an older one ends the session.',
  access: 'public',
  who: 'anyone with a refresh token',
  audit: { kind: 'auth.refresh', action: 'E' },
  rateLimit: 'refresh',
  body: Refresh,
  answer: { status: 200, description: 'New tokens', schema: Tokens },
  problems: ['invalid_refresh_token'],
})

const signOutOperation = operation({
  method: 'post',
  path: '/auth/logout',
  tag: 'Auth',
  operationId: 'signOut',
  summary: 'Sign out',
  description: 'Ends the session; its tokens become invalid.',
  access: 'signed_in',
  who: 'anyone signed in',
  audit: { kind: 'auth.sign_out', action: 'E' },
  answer: { status: 204, description: 'Signed out' },
})

const getMeOperation = operation({
  method: 'get',
  path: '/auth/me',
  tag: 'Auth',
  operationId: 'getMe',
  summary: 'Read the current user',
  description: "Returns the caller with the id of the caller's patient or doctor.",
  access: 'signed_in',
  who: 'anyone signed in',
  answer: { status: 200, description: 'The caller', schema: User },
})

const listSessionsOperation = operation({
  method: 'get',
  path: '/auth/sessions',
  tag: 'Auth',
  operationId: 'listSessions',
  summary: 'List own sessions',
  description: "The caller's sessions that can still be refreshed, newest first.",
  access: 'signed_in',
  who: 'anyone signed in',
  query: ListSessionsQuery,
  answer: { status: 200, description: 'A page of sessions', schema: SessionPage },
})

const endSessionOperation = operation({
  method: 'delete',
  path: '/auth/sessions/{id}',
  tag: 'Auth',
  operationId: 'endSession',
  summary: 'End a session',
  description: "Ends one of the caller's own sessions; its tokens become invalid.",
  access: 'signed_in',
  who: 'anyone signed in',
  audit: { kind: 'session.end', action: 'D' },
  params: SessionPath,
  answer: { status: 204, description: 'Ended' },
})

const changePasswordOperation = operation({
  method: 'put',
  path: '/auth/password',
  tag: 'Auth',
  operationId: 'changePassword',
  summary: 'Change the password',
  description: 'Ends all other sessions of the caller.',
  access: 'signed_in',
  who: 'anyone signed in',
  audit: { kind: 'password.change', action: 'U' },
  body: ChangePassword,
  answer: { status: 204, description: 'Changed' },
  problems: ['invalid_credentials'],
  rateLimit: 'change_password',
})

export function authRoutes(deps: Deps) {
  const { app, read, mutation } = createRouter(deps)

  mutation(registerOperation, NEVER_REPLAYED, {
    beforeTransaction: (ctx, { body }) => hashPassword(ctx, body.password),
    run: async (ctx, { body }, hashed) => {
      const tokens = await register(ctx, body, hashed)
      const { id: userId, role, patientId = null } = tokens.user
      const audit = { actor: { userId, role }, targetId: userId, patientIds: patientIdsOf([{ patientId }]) }
      return answer(tokens, { location: '/auth/me', audit })
    },
  })

  mutation(signInOperation, NEVER_REPLAYED, {
    beforeTransaction: (ctx, { body }) => findByCredentials(ctx, body),
    run: (ctx, { body }, user) => signIn(ctx, body, user),
  })

  mutation(refreshOperation, NEVER_REPLAYED, {
    beforeTransaction: (ctx, { body }) => verifyRefreshToken(ctx.config, body.refreshToken, ctx.now),
    run: (ctx, _input, claims) => refresh(ctx, claims),
  })

  mutation(signOutOperation, READABLE_FOR_GOOD, async (ctx) => {
    const { userId, sessionId } = ctx.actor
    await endSessions(ctx, { userId, only: sessionId })
    return noContent({ targetId: sessionId })
  })

  read(getMeOperation, async (ctx) => answer(presentUser(await getUser(ctx, ctx.actor.userId))))

  read(listSessionsOperation, async (ctx, { query }) => answer(await listOwnSessions(ctx, query)))

  mutation(endSessionOperation, READABLE_FOR_GOOD, async (ctx, { params }) => {
    await endOwnSession(ctx, params.id)
    return noContent({ targetId: params.id })
  })

  mutation(changePasswordOperation, READABLE_FOR_GOOD, {
    beforeTransaction: (ctx, { body }) => checkPasswordChange(ctx, body),
    run: (ctx, _input, checked) => changePassword(ctx, checked),
  })

  return app
}
