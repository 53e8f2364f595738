import { type Kysely, sql } from 'kysely'
import { fold } from './folded'
import type { Database } from './schema'

export const FOLD_BATCH = 500

const SOURCES = { patients: sql`name`, users: sql`name`, doctors: sql`name || ' ' || specialization` }

/**
 * Folds the names of rows that another release has written, or that are older than the column. Returns how many. A row
 * that changes meanwhile is left for the next run.
 */
export async function foldNames(db: Kysely<Database>): Promise<number> {
  let folded = 0
  for (const [table, source] of Object.entries(SOURCES)) {
    const { rows } = await sql<{ id: string; words: string }>`
      select id, ${source} as words from ${sql.table(table)} where folded is null order by id limit ${FOLD_BATCH}`.execute(
      db,
    )
    if (rows.length === 0) continue
    folded += rows.length
    await sql`
      update ${sql.table(table)} set folded = made.folded
      from unnest(
        ${rows.map(({ id }) => id)}::uuid[], ${rows.map(({ words }) => words)}::text[],
        ${rows.map(({ words }) => fold(words))}::text[]
      ) as made (id, words, folded)
      where ${sql.table(table)}.id = made.id and ${sql.table(table)}.folded is null and ${source} = made.words`.execute(
      db,
    )
  }
  return folded
}
