import { type RawBuilder, sql } from 'kysely'
import { escapeLike, isForgivable, oneTypo, type SearchTerm, searchTerms, suffixesOf } from './search-terms'

type People = 'patients' | 'users' | 'doctors'

/** The words that a person must have; `forgiving` allows one typo in each word. */
export type PeopleSearch = { terms: SearchTerm[]; forgiving: boolean }

/** Finds people by exactly these words. If there are none, it searches again and forgives one typo in each word. */
export async function findPeople<R>(words: string, find: (search: PeopleSearch) => Promise<R[]>): Promise<R[]> {
  const terms = searchTerms(words)
  const people = await find({ terms, forgiving: false })
  const canForgive = terms.some((term) => 'word' in term && isForgivable(term.word))
  return people.length > 0 || !canForgive ? people : find({ terms, forgiving: true })
}

/** A condition: the row of `table` has every word and telephone number of the search. */
export function matches(table: People, { terms, forgiving }: PeopleSearch): RawBuilder<boolean> {
  if (terms.length === 0) return sql<boolean>`true`
  const all = sql.join(
    terms.map((term) =>
      'digits' in term
        ? matchesNumber(table, term)
        : matchesWord(table, term.word, forgiving && isForgivable(term.word)),
    ),
    sql` and `,
  )
  // Read first and by index: PostgreSQL expects many matches of so many patterns, and would walk through the newest rows.
  return forgiving
    ? sql<boolean>`${sql.ref(`${table}.id`)} = any(array(select id from ${sql.table(table)} where ${all}))`
    : sql<boolean>`${all}`
}

const contains = (table: People, word: string) => sql`${sql.ref(`${table}.searchText`)} like ${`%${escapeLike(word)}%`}`

const matchesWord = (table: People, word: string, forgiving: boolean) =>
  forgiving
    ? sql`(${contains(table, word)} or ${sql.ref(`${table}.searchText`)} like any(${oneTypo(word)}::text[]))`
    : contains(table, word)

/** The index is on the reversed digits: a suffix of the number is a prefix there, and ":" follows "9" in ASCII. */
function matchesNumber(table: People, { digits, words }: { digits: string; words: string[] }) {
  const parts = sql.join(
    words.map((word) => contains(table, word)),
    sql` and `,
  )
  if (table === 'doctors') return sql`(${parts})`
  const stored = sql`(reverse(${sql.ref(`${table}.phoneDigits`)}) collate "C")`
  const reversed = reverse(digits)
  return sql`(
    (${stored} >= ${reversed} and ${stored} < ${`${reversed}:`})
    or ${stored} = any(${suffixesOf(digits).map(reverse)}::text[])
    or (${parts})
  )`
}

const reverse = (digits: string) => [...digits].reverse().join('')
