import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT, type Source } from './sources'

/** Wordings that hide the noun a reader looks for; the glossary in CONTRIBUTING.md has the words to use. */
const BANNED =
  /\b(?:whoever|one that|those who|what is told|is told|comes? to be|come to be|none of (?:its|their) business|gives? back|give back|lapse[sd]?|puts? on record|on record)\b/i

const PAGES = ['README.md', 'CONTRIBUTING.md']

/** Each line of src, db, README and CONTRIBUTING with a banned wording, as `path: line`. Migrations that landed stay. */
export function findBannedWords(files: Source[]): string[] {
  const texts = [
    ...files
      .filter(({ path }) => /^(src|db)\//.test(path) && !path.startsWith('db/migrations/'))
      .map(({ path, text }) => ({ path, text })),
    ...PAGES.map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') })),
  ]
  return texts.flatMap(({ path, text }) =>
    text
      .split('\n')
      // `'lapsed'` is a status of the API.
      .filter((line) => BANNED.test(line.replaceAll("'lapsed'", '')))
      .map((line) => `${path}: ${line.trim()}`),
  )
}

/** Two exports with one name are one concept, for the reason given. */
const SHARED_NAMES: Record<string, string> = {
  Role: 'the schema of the API and the type that it describes',
  Money: 'the schema of the API and the type that it describes',
  AppointmentStatus: 'the schema of the API and the type that it describes',
  PaymentStatus: 'the schema of the API and the type that it describes',
  PaymentMethod: 'the schema of the API and the type that it describes',
  Gender: 'the schema of the API and the type that it describes',
  RuleResult: 'the schema of the API and the type that it describes',
}

const EXPORT = /^export (?:async )?(?:const|function\*?|type|interface|class) +([A-Za-z_$][\w$]*)/gm

/** Each name that two files of src export, as `path: name, also in path`. */
export function findDoubleNames(files: Source[]): string[] {
  const places = new Map<string, Set<string>>()
  for (const { path, code } of files.filter(({ path }) => path.startsWith('src/')))
    for (const [, name] of code.matchAll(EXPORT)) places.set(name!, (places.get(name!) ?? new Set()).add(path))
  return [...places]
    .filter(([name, paths]) => paths.size > 1 && !(name in SHARED_NAMES))
    .flatMap(([name, paths]) => [...paths].map((path) => `${path}: ${name} is exported by ${[...paths].join(' and ')}`))
}
