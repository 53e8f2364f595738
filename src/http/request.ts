import type { RateLimitInfo } from 'hono-rate-limiter'

/** Values that middleware sets for the rest of a request. */
export type RequestVariables = {
  requestId: string
  /** The caller's address. X-Forwarded-For counts only if a trusted proxy sent it. */
  ip: string | null
  actorId?: string
  /** The key under which the current rate limit counts. */
  rateLimitKey: string
  /** Asked when the current rate limit is exceeded. */
  isExempt: (() => Promise<boolean>) | undefined
  rateLimit: RateLimitInfo
  /** The limit with the fewest requests left, for the answer's headers. */
  tightestLimit?: TightestLimit
}

export type TightestLimit = {
  name: string
  limit: number
  remaining: number
  windowSeconds: number
  resetSeconds: number
}

/**
 * From the server that calls `app.fetch`. `peerAddress`: the other end of the connection; `bodyEnd` is aborted when a stop no
 * longer waits for bodies.
 */
type Bindings = { peerAddress?: string; bodyEnd?: AbortSignal }

export type HttpEnv = { Variables: RequestVariables; Bindings: Bindings }
