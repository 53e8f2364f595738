import type { Kysely } from 'kysely'
import { batched } from '../database/batching'
import type { Database } from '../database/schema'
import { type CachedFacts, type FoundDoctor, factsWithBusyRanges, readCachedFacts, readFound } from './facts'
import { DAY } from './local-time'
import { type BusyRangesSearch, findBusyRanges, findFacts, findFactsToCache } from './queries'
import { type FactsSearch, spanBetween } from './query-fragments'

type CacheEntry = { version: string; cached: CachedFacts; from: number; until: number }
type CacheSearch = FactsSearch & { doctorId: string; until: Date }

/** Undefined for an unknown doctor. */
export type FactsCache = { find: (search: CacheSearch) => Promise<FoundDoctor | undefined> }

const MAX_ENTRIES = 10_000
const DAYS_BACK = 7
const DAYS_AHEAD = 150
/** One batch is read while the API works on the answers of the other. */
const BATCHES = { largest: 8, width: 2 }

/**
 * The facts cache of searches, which ask for the same doctors again and again, while hours, visit types and closures hardly
 * ever change. Each search reads the busy ranges and the calendar version in one statement and uses the cached facts only
 * under that version: the answer is as the database has it at one moment, whichever copy changed it.
 */
export function createFactsCache(db: Kysely<Database>): FactsCache {
  const entries = new Map<string, CacheEntry>()
  const findBusyInBatch = batched((searches: BusyRangesSearch[]) => findBusyRanges(db, searches), BATCHES)

  async function readCached({ doctorId, from, until, now }: CacheSearch, { version, cached }: CacheEntry) {
    const { doctor, visitType } = cached
    const found = await findBusyInBatch({ doctorId, from, until, now, needsRoom: visitType.requiresRoom })
    if (found.version !== version) return undefined
    return { isVerified: doctor.isVerified, disabled: doctor.disabled, facts: factsWithBusyRanges(cached, found, now) }
  }

  async function readAndCache(search: CacheSearch, key: string) {
    const [from, until] = cachedSpan(search.now)
    const { version, ...found } = (await findFactsToCache(db, search, spanBetween(from, until)))!
    const cached = found.doctors[0] && readCachedFacts(found.doctors[0])
    if (version !== null && cached) {
      const calendars = cached.calendars.map((calendar) => ({ ...calendar, lastGrid: { starts: [] } }))
      entries.set(key, { version, cached: { ...cached, calendars }, from, until })
      if (entries.size > MAX_ENTRIES) entries.delete(entries.keys().next().value!)
    }
    return readFound(found, search.now)
  }

  return {
    async find(search) {
      if (!covers(cachedSpan(search.now), search)) return readFound((await findFacts(db, search))!, search.now)
      const key = `${search.doctorId} ${search.visitTypeId ?? ''}`
      const entry = entries.get(key)
      if (entry && covers([entry.from, entry.until], search)) {
        const found = await readCached(search, entry)
        if (found) {
          // Moved to the end: the first entries are evicted first.
          entries.delete(key)
          entries.set(key, entry)
          return found
        }
      }
      return readAndCache(search, key)
    },
  }
}

const cachedSpan = (now: Date): [number, number] => [now.getTime() - DAYS_BACK * DAY, now.getTime() + DAYS_AHEAD * DAY]

const covers = ([from, until]: [number, number], search: CacheSearch) =>
  from <= search.from.getTime() && search.until.getTime() <= until
