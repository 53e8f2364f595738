import type { Context as HonoContext } from 'hono'
import type { Caller } from '../../actor'
import type { Deps } from '../../deps'
import { AppError } from '../../errors'
import { networkKey } from '../../ip-address'
import type { HttpEnv } from '../request'
import type { OperationLimit, RateLimits } from './rate-limits'

type LimitedContext = Pick<Deps, 'rateLimits' | 'isKnownNetwork'> & { actor: Caller | null; ip: string | null }

/** Applies the stricter limit of an operation to its checked body, then runs it. Throws 429. */
export async function limitOperation<T>(
  ctx: LimitedContext,
  c: HonoContext<HttpEnv>,
  { limit, body }: { limit: OperationLimit | 'none' | undefined; body: unknown },
  run: () => Promise<T>,
): Promise<T> {
  const { rateLimits, actor, ip } = ctx
  if (!rateLimits || !limit || limit === 'none') return run()
  if (limit === 'sign_in') return limitSignIn({ ...ctx, rateLimits }, c, (body as { email: string }).email, run)
  await rateLimits[limit](c, limit === 'change_password' && actor ? actor.userId : networkKey(ip))
  return run()
}

/**
 * Only failures count against an account, but each sign-in counts until its outcome is known: otherwise many at once would
 * pass. Failures from everywhere do not lock out the networks from which the account was used lately.
 */
async function limitSignIn<T>(
  { rateLimits, isKnownNetwork, ip }: LimitedContext & { rateLimits: RateLimits },
  c: HonoContext<HttpEnv>,
  email: string,
  run: () => Promise<T>,
): Promise<T> {
  const network = networkKey(ip)
  const account = email.toLowerCase()
  await rateLimits.sign_in_address(c, network)
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
