import type { Kysely } from 'kysely'
import type { Database } from '../database/schema'
import { stretchOf } from './facts'
import { DAY } from './local-time'
import { type Facts, type FactsRow, findFacts, findFactsToKeep, findTaken } from './queries'
import type { FactsSearch } from './selections'

type Known = { version: string; row: FactsRow; from: number; until: number }
type Search = FactsSearch & { doctorId: string; until: Date }

const KEPT = 10_000
const DAYS_BACK = 7
const DAYS_AHEAD = 150
const NOTHING = { starts: [], ends: [] }

/**
 * `findFacts` for searches, which ask for the same doctors again and again while hours, visit types and closures, most of
 * what is to be read, hardly ever change. They are kept with their version, and a search reads that together with what is
 * taken: what it finds is as the database has it at one moment, whoever changed it on whatever copy.
 */
export function rememberFacts(): (db: Kysely<Database>, search: Search) => Promise<Facts> {
  const known = new Map<string, Known>()

  async function readKnown(db: Kysely<Database>, search: Search, { version, row }: Known): Promise<Facts | undefined> {
    const needsRoom = row.visitType?.requiresRoom ?? false
    const taken = await findTaken(db, { ...search, needsRoom })
    if (taken?.version !== version) return undefined
    return { doctors: [{ ...row, busy: taken.busy, patientBusy: NOTHING }], rooms: taken.rooms }
  }

  async function readAndKeep(db: Kysely<Database>, search: Search, key: string): Promise<Facts> {
    const [from, until] = keptStretch(search.now)
    const { version, ...facts } = (await findFactsToKeep(db, search, stretchOf(from, until)))!
    const [row] = facts.doctors
    if (version !== null && row?.visitType) {
      known.set(key, { version, row: { ...row, busy: NOTHING }, from, until })
      if (known.size > KEPT) known.delete(known.keys().next().value!)
    }
    return facts
  }

  return async (db, search) => {
    if (!covers(keptStretch(search.now), search)) return (await findFacts(db, search))!
    const key = `${search.doctorId} ${search.visitTypeId ?? ''}`
    const kept = known.get(key)
    if (kept && covers([kept.from, kept.until], search)) {
      const facts = await readKnown(db, search, kept)
      if (facts) {
        // The last to be forgotten.
        known.delete(key)
        known.set(key, kept)
        return facts
      }
    }
    return readAndKeep(db, search, key)
  }
}

const keptStretch = (now: Date): [number, number] => [now.getTime() - DAYS_BACK * DAY, now.getTime() + DAYS_AHEAD * DAY]

const covers = ([from, until]: [number, number], search: Search) =>
  from <= search.from.getTime() && search.until.getTime() <= until
