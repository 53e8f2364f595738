const APOSTROPHES = /['’‘ʼʻ`´＇]/g
const MARKS = /\p{M}/gu

/** Words as they are compared in a search: "Zoë O’Neill" and "ZOE ONEILL" are both "zoe oneill". */
export const fold = (words: string): string =>
  words.replaceAll(APOSTROPHES, '').normalize('NFKD').replaceAll(MARKS, '').toLowerCase()
