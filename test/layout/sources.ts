import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export type Import = {
  /** Path from the top of the repository without extension, or the package's name as written. */
  target: string
  /** Whether it is a file of this project. */
  own: boolean
  typeOnly: boolean
  reExport: boolean
}

export type Source = {
  path: string
  lines: number
  imports: Import[]
  text: string
  /** The text without comments. */
  code: string
  /** `code` without the content of quoted strings and templates. */
  bare: string
}

const STATEMENT =
  /^\s*(import|export)\s+(type\s+)?(?:[^'"`;]*?\bfrom\s+)?(['"])([^'"\n]+)\3|\bimport\(\s*(['"])([^'"\n]+)\5\s*\)/gm
const COMMENT = /\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm
const STRING = /'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g

/** Reads the parts of a file that the rules check. */
export function readSource(path: string, text: string): Source {
  const code = text.replace(COMMENT, '')
  const imports = [...code.matchAll(STATEMENT)].map((match): Import => {
    const written = match[4] ?? match[6]!
    const own = written.startsWith('.')
    const target = own ? posix.join(posix.dirname(path), written).replace(/\.ts$/, '') : written
    return { target, own, typeOnly: match[2] !== undefined, reExport: match[1] === 'export' }
  })
  return { path, text, lines: text.trimEnd().split('\n').length, imports, code, bare: code.replace(STRING, "''") }
}

/** Every TypeScript file of the project, by path. */
export function readSources(): Source[] {
  return ['src', 'db', 'scripts', 'test']
    .flatMap((folder) => filesUnder(folder))
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readSource(path, readFileSync(join(ROOT, path), 'utf8')))
}

const filesUnder = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? filesUnder(path) : [path]
    })
    .sort()
