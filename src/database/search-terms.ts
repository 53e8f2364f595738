import { fold } from './folded'

/** What a row must contain: a word, or a telephone number, given by its digits, whose parts are words too. */
export type SearchTerm = { word: string } | { digits: string; words: string[] }

const MIN_DIGITS = 6
const MIN_LETTERS = 4
const MAX_LETTERS = 30

/** A telephone number between blanks, however it is grouped. */
const NUMBER = /(?<!\S)\+?[\d(][\d ()./-]*(?!\S)/g

/** Without what depends on where one calls from: "(0)" and leading zeros, as in the column `phone_digits`. */
const digitsOf = (number: string) => number.replaceAll('(0)', '').replaceAll(/\D/g, '').replace(/^0+/, '')

const wordsOf = (text: string) => text.split(/\s+/).filter((word) => word !== '')

/** Reads search words: numbers with at least six digits as telephone numbers, everything else as words. */
export function searchTerms(text: string): SearchTerm[] {
  const folded = fold(text).trim() || text.trim()
  const numbers: SearchTerm[] = []
  const rest = folded.replaceAll(NUMBER, (number) => {
    const digits = digitsOf(number)
    if (digits.length < MIN_DIGITS) return number
    numbers.push({ digits, words: wordsOf(number) })
    return ' '
  })
  return [...numbers, ...wordsOf(rest).map((word) => ({ word }))]
}

/** A stored number can be a suffix of the one sought: "030 1234567" of "+49 30 1234567". Returns all these suffixes. */
export const suffixesOf = (digits: string): string[] =>
  Array.from({ length: digits.length - MIN_DIGITS + 1 }, (_, start) => digits.slice(start))

export const escapeLike = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')

/** A short word would become another name by one letter, and a number another number. */
export const isForgivable = (word: string): boolean => {
  const { length } = [...word]
  return length >= MIN_LETTERS && length <= MAX_LETTERS && !/\d/.test(word)
}

/** LIKE patterns of all whole words that differ from this one by a letter missing, added, changed or two swapped. */
export function oneTypo(word: string): string[] {
  const letters = [...word].map(escapeLike)
  const patterns = new Set<string>()
  const add = (start: number, end: number, instead: string) =>
    patterns.add(`% ${letters.slice(0, start).join('')}${instead}${letters.slice(end).join('')} %`)
  for (let i = 0; i <= letters.length; i++) {
    add(i, i, '_')
    if (i === letters.length) break
    add(i, i + 1, '')
    add(i, i + 1, '_')
    if (i + 1 < letters.length) add(i, i + 2, `${letters[i + 1]}${letters[i]}`)
  }
  return [...patterns]
}
