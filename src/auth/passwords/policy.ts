import { COMMON_PASSWORDS } from './common-passwords'

export const PASSWORD_MIN = 12
export const PASSWORD_MAX = 128

const LINES = ['abcdefghijklmnopqrstuvwxyz', '1234567890', 'qwertyuiopasdfghjklzxcvbnm', '1qaz2wsx3edc4rfv5tgb6yhn7ujm']
const RUNS = LINES.flatMap((line) => [line.repeat(3), [...line.repeat(3)].reverse().join('')])

const WORDS = new Set(
  `password passwort passwd passphrase secret welcome letmein login admin administrator superuser changeme temporary
  default qwerty qwertz azerty asdfgh asdfghjkl zxcvbnm qazwsx iloveyou sunshine princess dragon monkey football baseball
  basketball superman batman spiderman starwars pokemon master shadow michael jennifer jordan charlie ashley jessica
  liverpool arsenal chelsea barcelona summer winter spring autumn january february march april june july august september
  october november december monday tuesday wednesday thursday friday saturday sunday hello whatever freedom computer
  internet google facebook samsung health healthcare clinic hospital doctor patient nurse medical medicine appointment`
    .trim()
    .split(/\s+/),
)

/**
 * Says why a new password is refused; undefined when it is accepted. Length is counted in code points. There are no
 * composition rules (NIST SP 800-63B, 3.1.1.2): only passwords that attackers try first are refused.
 */
export function passwordWeakness(password: string): string | undefined {
  const length = [...password].length
  if (length < PASSWORD_MIN) return `must have at least ${PASSWORD_MIN} characters`
  if (length > PASSWORD_MAX) return `must have at most ${PASSWORD_MAX} characters`
  const plain = password.normalize('NFKC').toLowerCase()
  if (isRepeated(plain)) return 'must not repeat one short piece'
  if (RUNS.some((run) => run.includes(plain))) return 'must not be a run of neighbouring letters, digits or keys'
  if (COMMON_PASSWORDS.has(plain)) return 'is one of the most used passwords, which attackers try first'
  const core = plain.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '')
  if (WORDS.has(core)) return 'must not be one common word with digits or signs around it'
  return undefined
}

export const EMAIL_NAME_REFUSED = 'must not contain the name of your email address'

/** True when the password contains the part of the address before the @; parts under 4 characters are ignored. */
export function containsEmailName(password: string, email: string): boolean {
  const name = email.slice(0, email.lastIndexOf('@')).normalize('NFKC').toLowerCase()
  return name.length >= 4 && password.normalize('NFKC').toLowerCase().includes(name)
}

/** Matches `aaaaaaaaaaaa` and `abcabcabcabc`, also if the last piece is incomplete. */
function isRepeated(text: string): boolean {
  const characters = [...text]
  return [1, 2, 3, 4, 5, 6].some((size) =>
    characters.every((character, i) => i < size || character === characters[i - size]),
  )
}
