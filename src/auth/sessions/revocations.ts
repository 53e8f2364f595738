import type { Kysely } from 'kysely'
import type { Clock } from '../../actor'
import type { Config } from '../../config'
import { openChannel } from '../../database/channel'
import type { Database } from '../../database/schema'
import type { Logger } from '../../log'
import { hasSessionEnded, listSessionsEndedSince, SESSION_ENDED_CHANNEL } from './queries'

/** Ended sessions are remembered longer by this time, so that the clocks of copies may differ by as much. */
const CLOCK_SKEW_MS = 60_000
/** Longer than a transaction that ends a session may take to commit or fail. */
const DOUBT_MS = 15_000

/**
 * Remembers in memory which sessions have ended while their access tokens are not expired yet. PostgreSQL notifies it when
 * a session ends in any copy. Connects on first use; while it is not connected, every check is a query.
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
  /** Session id → until when (`performance.now()`) a transaction of this copy may be ending it. */
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

    /** Call it in a transaction that ends these sessions: until the notification arrives, checks of them are queries. */
    doubt(sessionIds: string[]): void {
      const until = performance.now() + DOUBT_MS
      for (const id of sessionIds) doubted.set(id, until)
    },

    stop: () => channel.stop(),
  }
}

export type Revocations = ReturnType<typeof createRevocations>
