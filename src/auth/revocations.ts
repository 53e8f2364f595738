import type { Kysely } from 'kysely'
import type { Clock } from '../actor'
import type { Config } from '../config'
import { openChannel } from '../database/channel'
import type { Database } from '../database/schema'
import type { Logger } from '../log'
import { hasSessionEnded, listSessionsEndedSince, SESSION_ENDED_CHANNEL } from './session-queries'

/** Copies' clocks may differ by this much without a token outliving the memory of its end. */
const CLOCK_SKEW_MS = 60_000
/** A transaction that ends a session has committed or failed by then. */
const DOUBT_MS = 15_000

/**
 * Which sessions have ended while access tokens of theirs may still be valid: known in memory, heard from the database as
 * sessions end anywhere. Connects when first asked; while it is not connected, each question is a query instead.
 */
export function createRevocations({
  config,
  db,
  clock,
  log,
}: {
  config: Config
  db: Kysely<Database>
  clock: Clock
  log: Logger
}) {
  const memoryMs = config.tokens.accessSeconds * 1000 + CLOCK_SKEW_MS
  /** Session id → when it ended, by the injected clock; oldest first. */
  const ended = new Map<string, number>()
  /** Session id → until when (`performance.now()`) its end may be under way in this process. */
  const doubted = new Map<string, number>()

  function remember(sessionId: string, endedAt: number): void {
    ended.delete(sessionId)
    ended.set(sessionId, endedAt)
    doubted.delete(sessionId)
    for (const [oldId, oldEnd] of ended) {
      if (oldEnd >= clock().getTime() - memoryMs) break
      ended.delete(oldId)
    }
  }

  const channel = openChannel(config.postgres, {
    name: SESSION_ENDED_CHANNEL,
    hear: (sessionId) => remember(sessionId, clock().getTime()),
    catchUp: async () => {
      const since = new Date(clock().getTime() - memoryMs)
      for (const { id, endedAt } of await listSessionsEndedSince(db, since)) remember(id, endedAt.getTime())
    },
    log,
  })

  function isDoubted(sessionId: string): boolean {
    const until = doubted.get(sessionId)
    if (until === undefined) return false
    if (until > performance.now()) return true
    return !doubted.delete(sessionId)
  }

  return {
    async hasEnded(sessionId: string): Promise<boolean> {
      channel.start()
      if (ended.has(sessionId)) return true
      if (channel.isCurrent() && !isDoubted(sessionId)) return false
      return hasSessionEnded(db, sessionId)
    },

    /** For a transaction that ends these sessions: until it is heard of, this process asks the database about them. */
    doubt(sessionIds: string[]): void {
      const until = performance.now() + DOUBT_MS
      for (const id of sessionIds) doubted.set(id, until)
    },

    stop: () => channel.stop(),
  }
}

export type Revocations = ReturnType<typeof createRevocations>
