import type { RateLimitInfo } from 'hono-rate-limiter'

/** What middleware leaves for the rest of a request. */
export type RequestVariables = {
  requestId: string
  /** The caller's address, believed through configured proxies only. */
  ip: string | null
  actorId?: string
  /** What the limit at work counts by. */
  rateLimitKey: string
  rateLimit: RateLimitInfo
  /** The limit with the least left, for the answer's headers. */
  tightestLimit?: TightestLimit
}

export type TightestLimit = {
  name: string
  limit: number
  remaining: number
  windowSeconds: number
  resetSeconds: number
}

/** `peerAddress`: what the server that calls `app.fetch` knows of the connection. */
export type HttpEnv = { Variables: RequestVariables; Bindings: { peerAddress?: string } }
