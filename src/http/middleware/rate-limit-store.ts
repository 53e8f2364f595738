import { MemoryStore, type RedisClient, RedisStore, type Store } from 'hono-rate-limiter'
import type { Logger } from '../../log'
import type { HttpEnv } from '../request'

/** Milliseconds after a failure before one request tries Redis again. */
const PAUSE_MS = 1_000

/** Counters of this copy alone. */
export function memoryCounters() {
  const store = new MemoryStore<HttpEnv>()
  return {
    init: (options) => store.init(options),
    // MemoryStore returns its own record, which another request may increment before it is read.
    increment(key) {
      const { totalHits, resetTime } = store.increment(key)
      return { totalHits, resetTime: resetTime && new Date(resetTime) }
    },
    decrement: (key) => store.decrement(key),
    resetKey: (key) => store.resetKey(key),
  } satisfies Store<HttpEnv>
}

/**
 * Counters in Redis, the same for all copies, per rule. While Redis does not answer, each copy counts for itself, so
 * that no request fails. Redis only gets keyed hashes, never an address or an email.
 */
export function sharedCounters(redis: RedisClient, secret: string, log: Logger): (rule: string) => Store<HttpEnv> {
  const hash = keyedHash(secret)
  let down = false
  let retryAt = 0

  async function tryRedis<T>(ask: () => Promise<T>): Promise<T | undefined> {
    if (performance.now() < retryAt) return undefined
    if (down) retryAt = performance.now() + PAUSE_MS
    try {
      const answer = await ask()
      if (down) log.info({}, 'Redis answers again: rate limits are shared')
      down = false
      retryAt = 0
      return answer
    } catch (error) {
      if (!down) log.warn({ error }, 'Redis does not answer: each copy counts rate limits for itself')
      down = true
      retryAt = performance.now() + PAUSE_MS
      return undefined
    }
  }

  return (rule) => {
    const local = memoryCounters()
    const shared = new RedisStore<HttpEnv>({ client: redis, prefix: `rate-limit:${rule}:` })
    return {
      init(options) {
        local.init(options)
        shared.init(options)
      },
      async increment(key) {
        return (await tryRedis(async () => shared.increment(await hash(`${rule}\n${key}`)))) ?? local.increment(key)
      },
      async decrement(key) {
        const undone = await tryRedis(async () => {
          await shared.decrement(await hash(`${rule}\n${key}`))
          return true
        })
        if (!undone) local.decrement(key)
      },
      resetKey: (key) => local.resetKey(key),
    }
  }
}

function keyedHash(secret: string): (text: string) => Promise<string> {
  const encoder = new TextEncoder()
  const algorithm = { name: 'HMAC', hash: 'SHA-256' }
  const key = crypto.subtle.importKey('raw', encoder.encode(`rate-limit\n${secret}`), algorithm, false, ['sign'])
  return async (text) => {
    const digest = new Uint8Array(await crypto.subtle.sign('HMAC', await key, encoder.encode(text)))
    return btoa(String.fromCharCode(...digest))
  }
}
