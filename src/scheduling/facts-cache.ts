import type { Kysely } from 'kysely'
import { batched } from '../database/batching'
import type { Database } from '../database/schema'
import { type CachedFacts, type FoundDoctor, factsWithBusyRanges, readCachedFacts, readFound, stretchOf } from './facts'
import { DAY } from './local-time'
import { findFacts, findFactsToCache, findTaken, type TakenSearch } from './queries'
import type { FactsSearch } from './query-fragments'

type Known = { version: string; standing: CachedFacts; from: number; until: number }
type Search = FactsSearch & { doctorId: string; until: Date }

const KEPT = 10_000
const DAYS_BACK = 7
const DAYS_AHEAD = 150
/** One statement is read while the API works on what the other found. */
const SHARING = { largest: 8, width: 2 }

/**
 * `findFacts` for searches, which ask for the same doctors again and again while hours, visit types and closures, most of
 * what is to be read, hardly ever change. They are kept with their version, and a search reads that together with what is
 * taken: what it finds is as the database has it at one moment, whoever changed it on whatever copy.
 */
export function createFactsCache(db: Kysely<Database>): (search: Search) => Promise<FoundDoctor | undefined> {
  const known = new Map<string, Known>()
  const takenIn = batched((searches: TakenSearch[]) => findTaken(db, searches), SHARING)

  async function readKnown({ doctorId, from, until, now }: Search, { version, standing }: Known) {
    const { doctor, visitType } = standing
    const taken = await takenIn({ doctorId, from, until, now, needsRoom: visitType.requiresRoom })
    if (taken.version !== version) return undefined
    return { isVerified: doctor.isVerified, facts: factsWithBusyRanges(standing, taken, now) }
  }

  async function readAndKeep(search: Search, key: string) {
    const [from, until] = keptStretch(search.now)
    const { version, ...found } = (await findFactsToCache(db, search, stretchOf(from, until)))!
    const standing = found.doctors[0] && readCachedFacts(found.doctors[0])
    if (version !== null && standing) {
      const calendars = standing.calendars.map((calendar) => ({ ...calendar, lastGrid: { starts: [] } }))
      known.set(key, { version, standing: { ...standing, calendars }, from, until })
      if (known.size > KEPT) known.delete(known.keys().next().value!)
    }
    return readFound(found, search.now)
  }

  return async (search) => {
    if (!covers(keptStretch(search.now), search)) return readFound((await findFacts(db, search))!, search.now)
    const key = `${search.doctorId} ${search.visitTypeId ?? ''}`
    const kept = known.get(key)
    if (kept && covers([kept.from, kept.until], search)) {
      const found = await readKnown(search, kept)
      if (found) {
        // The last to be forgotten.
        known.delete(key)
        known.set(key, kept)
        return found
      }
    }
    return readAndKeep(search, key)
  }
}

const keptStretch = (now: Date): [number, number] => [now.getTime() - DAYS_BACK * DAY, now.getTime() + DAYS_AHEAD * DAY]

const covers = ([from, until]: [number, number], search: Search) =>
  from <= search.from.getTime() && search.until.getTime() <= until
