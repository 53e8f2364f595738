import type { Context as HonoContext, MiddlewareHandler } from 'hono'
import { type RateLimitInfo, rateLimiter, type Store } from 'hono-rate-limiter'
import type { Caller } from '../../actor'
import type { Config } from '../../config'
import { AppError } from '../../errors'
import { callerNetwork, formatAddress, parseAddress } from '../../ip-address'
import type { HttpEnv, TightestLimit } from '../request'

const MINUTE = 60_000

/** `sign_in` counts by account and, more generously for a clinic behind one address, by address; `change_password` by caller; all else by address. */
const RULES = {
  default: { limit: 300, windowMs: MINUTE },
  sign_in_account: { limit: 10, windowMs: MINUTE },
  sign_in_address: { limit: 100, windowMs: MINUTE },
  register: { limit: 5, windowMs: 60 * MINUTE },
  refresh: { limit: 120, windowMs: MINUTE },
  change_password: { limit: 10, windowMs: MINUTE },
} as const

type RuleName = keyof typeof RULES
/** What an operation asks for. */
export type OperationLimit = 'sign_in' | 'register' | 'refresh' | 'change_password'
type CountRequest = (c: HonoContext<HttpEnv>, key: string) => Promise<void>

/** Each counts one request under a key and throws 429 when that was one too many. */
export type RateLimits = Record<RuleName, CountRequest>

type Limited = { rateLimits: RateLimits | undefined }

/** Undefined when limits are off. `openStore` gives the counters of one rule. */
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

/** The stores of hono-rate-limiter go by the system's clock, not by the injected one. */
const systemTime = () => performance.timeOrigin + performance.now()

function noteTightest(c: HonoContext<HttpEnv>, name: RuleName, { limit, remaining, resetTime }: RateLimitInfo) {
  const { windowMs } = RULES[name]
  const resetMs = resetTime ? resetTime.getTime() - systemTime() : windowMs
  const resetSeconds = Math.max(1, Math.ceil(resetMs / 1000))
  const standing: TightestLimit = { name, limit, remaining, windowSeconds: windowMs / 1000, resetSeconds }
  const tightest = c.get('tightestLimit')
  if (!tightest || remaining <= tightest.remaining) c.set('tightestLimit', standing)
  return standing
}

/** The operations that say `rateLimit: 'none'`, told before one is found. */
const UNLIMITED = /^\/(health\/|metrics$)/

/** Counts every request by address, and says in each answer what is left (IETF draft RateLimit header fields). */
export const limitRequests =
  ({ rateLimits }: Limited): MiddlewareHandler<HttpEnv> =>
  async (c, next) => {
    if (!rateLimits || UNLIMITED.test(c.req.path)) return next()
    await rateLimits.default(c, addressKey(c))
    await next()
  }

/** Outside of `limitRequests`, so that a refusal carries the headers too. */
export const announceLimits: MiddlewareHandler<HttpEnv> = async (c, next) => {
  await next()
  const tightest = c.get('tightestLimit')
  if (!tightest) return
  const { name, limit, remaining, windowSeconds, resetSeconds } = tightest
  c.res.headers.set('RateLimit', `"${name}";r=${remaining};t=${resetSeconds}`)
  c.res.headers.set('RateLimit-Policy', `"${name}";q=${limit};w=${windowSeconds}`)
}

/** The stricter limits of single operations; `body` is the checked one. Throws 429. */
export async function limitOperation(
  { rateLimits, actor }: Limited & { actor: Caller | null },
  c: HonoContext<HttpEnv>,
  limit: OperationLimit | 'none' | undefined,
  body: unknown,
): Promise<void> {
  if (!rateLimits || !limit || limit === 'none') return
  if (limit === 'change_password') return rateLimits[limit](c, actor?.userId ?? addressKey(c))
  if (limit !== 'sign_in') return rateLimits[limit](c, addressKey(c))
  await rateLimits.sign_in_address(c, addressKey(c))
  const { email } = body as { email: string }
  await rateLimits.sign_in_account(c, email.toLowerCase())
}

/** Callers whose address the server does not know share one count. */
function addressKey(c: HonoContext<HttpEnv>): string {
  const address = parseAddress(c.get('ip') ?? '')
  return address === undefined ? 'unknown' : formatAddress(callerNetwork(address))
}
