import type { Context as HonoContext } from 'hono'
import type { Caller } from '../../actor'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import type { Access } from './operation'

/** The caller, from `Authorization: Bearer`. Throws 401 for a bad token, or where `access` requires a token and none came. */
export async function authenticate(deps: Deps, c: HonoContext, access: Access): Promise<Caller | null> {
  if (access === 'public') return null
  const header = c.req.header('authorization')
  if (header === undefined) {
    if (access === 'optional') return null
    throw new AppError('unauthenticated', 'Sign in and send the access token as a Bearer token.')
  }
  const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(header)?.[1]
  if (token === undefined) throw new AppError('unauthenticated', 'The Authorization header is not a Bearer token.')
  return deps.authenticate(token)
}

/** Throws 403 if no caller with this role may use the operation. */
export function authorise(access: Access, actor: Caller | null): void {
  if (typeof access === 'string') return
  if (!actor || !access.includes(actor.role)) throw new AppError('forbidden', 'Your role may not do this.')
}
