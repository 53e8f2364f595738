import type { Context as HonoContext, MiddlewareHandler } from 'hono'
import { type RateLimitInfo, rateLimiter, type Store } from 'hono-rate-limiter'
import type { Caller } from '../../actor'
import type { Config } from '../../config'
import { AppError } from '../../errors'
import { networkKey } from '../../ip-address'
import type { HttpEnv, TightestLimit } from '../request'

const MINUTE = 60_000

/**
 * `sign_in` counts by account and by address; the second limit is higher, as a whole clinic may have one address.
 * `change_password` counts by caller, all other rules by address.
 */
const RULES = {
  default: { limit: 300, windowMs: MINUTE },
  sign_in_account: { limit: 10, windowMs: MINUTE },
  sign_in_address: { limit: 100, windowMs: MINUTE },
  register: { limit: 5, windowMs: 60 * MINUTE },
  refresh: { limit: 120, windowMs: MINUTE },
  change_password: { limit: 10, windowMs: MINUTE },
} as const

type RuleName = keyof typeof RULES
/** The stricter limit of an operation. */
export type OperationLimit = 'sign_in' | 'register' | 'refresh' | 'change_password'
type CountRequest = (c: HonoContext<HttpEnv>, key: string) => Promise<void>

/** Each counts one request under a key and throws 429 above the limit. */
export type RateLimits = Record<RuleName, CountRequest>

type Limited = { rateLimits: RateLimits | undefined }

/** Returns undefined if limits are off. `openStore` returns the counters of one rule. */
export function createRateLimits(
  { rateLimit, demoData }: Pick<Config, 'rateLimit' | 'demoData'>,
  openStore: (rule: string) => Store<HttpEnv>,
): RateLimits | undefined {
  if (!rateLimit) return undefined
  const limits = Object.keys(RULES).map((name) => [name, createRateLimit(name as RuleName, openStore(name))])
  return { ...Object.fromEntries(limits), ...(demoData && { register: async () => {} }) }
}

function createRateLimit(name: RuleName, store: Store<HttpEnv>): CountRequest {
  const { limit, windowMs } = RULES[name]
  const count = rateLimiter<HttpEnv>({
    windowMs,
    limit,
    store,
    standardHeaders: false,
    keyGenerator: (c) => c.get('rateLimitKey'),
    handler: (c) => {
      const { resetSeconds } = noteTightest(c, name, c.get('rateLimit'))
      throw new AppError(
        'rate_limited',
        `More than ${limit} such requests in ${windowMs / MINUTE} min; try again in ${resetSeconds} s.`,
        {},
        { 'Retry-After': String(resetSeconds) },
      )
    },
  })
  return async (c, key) => {
    c.set('rateLimitKey', key)
    await count(c, async () => void noteTightest(c, name, c.get('rateLimit')))
  }
}

/** The stores of hono-rate-limiter use the system's clock, not the injected one. */
const systemTime = () => performance.timeOrigin + performance.now()

function noteTightest(c: HonoContext<HttpEnv>, name: RuleName, { limit, remaining, resetTime }: RateLimitInfo) {
  const { windowMs } = RULES[name]
  const resetMs = resetTime ? resetTime.getTime() - systemTime() : windowMs
  const resetSeconds = Math.max(1, Math.ceil(resetMs / 1000))
  const current: TightestLimit = { name, limit, remaining, windowSeconds: windowMs / 1000, resetSeconds }
  const tightest = c.get('tightestLimit')
  if (!tightest || remaining <= tightest.remaining) c.set('tightestLimit', current)
  return current
}

/** Paths of the operations with `rateLimit: 'none'`, since limits apply before routing. */
const UNLIMITED = /^\/(health\/|metrics$)/

/** Counts every request by the caller's address. Throws 429 above the limit. */
export const limitRequests =
  ({ rateLimits }: Limited): MiddlewareHandler<HttpEnv> =>
  async (c, next) => {
    if (!rateLimits || UNLIMITED.test(c.req.path)) return next()
    await rateLimits.default(c, networkKey(c.get('ip')))
    await next()
  }

/** Adds the RateLimit headers (IETF draft). Runs outside of `limitRequests`, so that a 429 has them too. */
export const sendRateLimitHeaders: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next()
  const tightest = c.get('tightestLimit')
  if (!tightest) return
  const { name, limit, remaining, windowSeconds, resetSeconds } = tightest
  c.res.headers.set('RateLimit', `"${name}";r=${remaining};t=${resetSeconds}`)
  c.res.headers.set('RateLimit-Policy', `"${name}";q=${limit};w=${windowSeconds}`)
}

/** Applies the stricter limit of an operation to its checked body. Throws 429. */
export async function limitOperation(
  { rateLimits, actor }: Limited & { actor: Caller | null },
  c: HonoContext<HttpEnv>,
  limit: OperationLimit | 'none' | undefined,
  body: unknown,
): Promise<void> {
  if (!rateLimits || !limit || limit === 'none') return
  if (limit === 'change_password') return rateLimits[limit](c, actor?.userId ?? networkKey(c.get('ip')))
  if (limit !== 'sign_in') return rateLimits[limit](c, networkKey(c.get('ip')))
  await rateLimits.sign_in_address(c, networkKey(c.get('ip')))
  const { email } = body as { email: string }
  await rateLimits.sign_in_account(c, email.toLowerCase())
}
