import type { Context as HonoContext, MiddlewareHandler } from 'hono'
import { type RateLimitInfo, rateLimiter, type Store } from 'hono-rate-limiter'
import type { Config } from '../../config'
import { AppError } from '../../errors'
import { networkKey } from '../../ip-address'
import type { HttpEnv, TightestLimit } from '../request'

const MINUTE = 60_000

/**
 * A sign-in counts by address, and if it fails also by account and address, and by account from all addresses. A whole clinic
 * may have one address. `change_password` counts by caller, all other rules by address.
 */
const RULES = {
  default: { limit: 300, windowMs: MINUTE },
  sign_in_account: { limit: 10, windowMs: MINUTE },
  sign_in_account_total: { limit: 100, windowMs: 60 * MINUTE },
  sign_in_address: { limit: 100, windowMs: MINUTE },
  register: { limit: 5, windowMs: 60 * MINUTE },
  refresh: { limit: 120, windowMs: MINUTE },
  change_password: { limit: 10, windowMs: MINUTE },
} as const

type RuleName = keyof typeof RULES
/** The stricter limit of an operation. */
export type OperationLimit = 'sign_in' | 'register' | 'refresh' | 'change_password'
type Uncount = () => Promise<void>
type CountRequest = (c: HonoContext<HttpEnv>, key: string, isExempt?: () => Promise<boolean>) => Promise<Uncount>

/** Each counts one request under a key and throws 429 above the limit, unless the request is exempt. */
export type RateLimits = Record<RuleName, CountRequest>

type Limited = { rateLimits: RateLimits | undefined }

/** Returns undefined if limits are off. `openStore` returns the counters of one rule. */
export function createRateLimits(
  { rateLimit, demoData }: Pick<Config, 'rateLimit' | 'demoData'>,
  openStore: (rule: string) => Store<HttpEnv>,
): RateLimits | undefined {
  if (!rateLimit) return undefined
  const limits = Object.keys(RULES).map((name) => [name, createRateLimit(name as RuleName, openStore(name))])
  return { ...Object.fromEntries(limits), ...(demoData && { register: async () => async () => {} }) }
}

function createRateLimit(name: RuleName, store: Store<HttpEnv>): CountRequest {
  const { limit, windowMs } = RULES[name]
  const count = rateLimiter<HttpEnv>({
    windowMs,
    limit,
    store,
    standardHeaders: false,
    keyGenerator: (c) => c.get('rateLimitKey'),
    handler: async (c) => {
      if (await c.get('isExempt')?.()) return
      const { resetSeconds } = noteTightest(c, name, c.get('rateLimit'))
      throw new AppError(
        'rate_limited',
        `More than ${limit} such requests in ${windowMs / MINUTE} min; try again in ${resetSeconds} s.`,
        {},
        { 'Retry-After': String(resetSeconds) },
      )
    },
  })
  return async (c, key, isExempt) => {
    c.set('rateLimitKey', key)
    c.set('isExempt', isExempt)
    await count(c, async () => void noteTightest(c, name, c.get('rateLimit')))
    return async () => store.decrement(key)
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

/** The probes of orchestrators, and `OPTIONS /`, which load balancers send without a configured path. */
const isProbe = ({ req }: HonoContext<HttpEnv>) =>
  UNLIMITED.test(req.path) || (req.method === 'OPTIONS' && req.path === '/')

/** Counts every request by the caller's address. Throws 429 above the limit. */
export const limitRequests =
  ({ rateLimits }: Limited): MiddlewareHandler<HttpEnv> =>
  async (c, next) => {
    if (!rateLimits || isProbe(c)) return next()
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
