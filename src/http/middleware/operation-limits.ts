import type { Context as HonoContext } from 'hono'
import type { Caller } from '../../actor'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { networkKey } from '../../ip-address'
import type { HttpEnv } from '../request'
import type { OperationLimit } from './rate-limits'

type LimitedContext = Pick<Deps, 'rateLimits' | 'isKnownNetwork'> & { actor: Caller | null; ip: string | null }
type Limit = OperationLimit | 'none' | undefined

/** Applies the stricter limit of an operation before its body is read. Throws 429. */
export async function limitOperation(
  { rateLimits, actor, ip }: LimitedContext,
  c: HonoContext<HttpEnv>,
  limit: Limit,
): Promise<void> {
  if (!rateLimits || !limit || limit === 'none') return
  const rule = limit === 'sign_in' ? 'sign_in_address' : limit
  await rateLimits[rule](c, limit === 'change_password' && actor ? actor.userId : networkKey(ip))
}

/**
 * Runs a sign-in under the limits of the account that its body names; runs anything else as it is. Throws 429. Only
 * failures count, but each sign-in counts until its outcome is known: otherwise many at once would pass. Failures from
 * everywhere do not lock out the networks from which the account was used lately.
 */
export async function limitAccount<T>(
  { rateLimits, isKnownNetwork, ip }: LimitedContext,
  c: HonoContext<HttpEnv>,
  { limit, body }: { limit: Limit; body: unknown },
  run: () => Promise<T>,
): Promise<T> {
  if (!rateLimits || limit !== 'sign_in') return run()
  const { email } = body as { email: string }
  const network = networkKey(ip)
  const account = email.toLowerCase()
  const uncountHere = await rateLimits.sign_in_account(c, `${account}\n${network}`)
  let uncountTotal = async () => {}
  let failed = false
  try {
    uncountTotal = await rateLimits.sign_in_account_total(c, account, () => isKnownNetwork(email, network))
    return await run()
  } catch (error) {
    failed = error instanceof AppError && error.code === 'invalid_credentials'
    throw error
  } finally {
    if (!failed) await Promise.all([uncountHere(), uncountTotal()])
  }
}
