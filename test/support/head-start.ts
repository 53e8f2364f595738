import { type Kysely, sql } from 'kysely'
import type { Database } from '../../src/database/schema'

/** In round trips to the database; with infinity, the second starts after the first has finished. */
const HEAD_STARTS = [Number.POSITIVE_INFINITY, 0, 1, 2, 4, 8, 16]

/**
 * Runs two rivals, which in turn get a head start between all of their round trips and none. Over several rounds both
 * of them win, and many orders in between occur, even on a busy machine.
 */
export async function raceWithHeadStart<One, Other>(
  db: Kysely<Database>,
  round: number,
  one: () => Promise<One>,
  other: () => Promise<Other>,
): Promise<[One, Other]> {
  const trips = HEAD_STARTS[Math.floor(round / 2) % HEAD_STARTS.length]!
  if (round % 2 === 0) return await startInOrder(db, trips, one, other)
  const [second, first] = await startInOrder(db, trips, other, one)
  return [first, second]
}

async function startInOrder<First, Second>(
  db: Kysely<Database>,
  trips: number,
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<[First, Second]> {
  if (trips === Number.POSITIVE_INFINITY) return [await first(), await second()]
  const ahead = first()
  for (let trip = 0; trip < trips; trip++) await sql`select 1`.execute(db)
  return await Promise.all([ahead, second()])
}
