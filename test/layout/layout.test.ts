import { describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONFIG_KEYS } from '../../src/config'
import { findCircles, findFolderCircles, findUpwardImports } from './ladder'
import { RULES } from './rules'
import { ROOT, readSource, readSources } from './sources'

const files = readSources()

describe('layout', () => {
  test.each(RULES.map((rule) => [rule.title, rule] as const))(
    'every file follows the layout rule: %s',
    (_title, { find }) => {
      expect(find(files)).toEqual([])
    },
  )

  test('each layout rule catches a file that breaks it', () => {
    const blind = RULES.filter(({ find, broken: [path, text] }) => {
      const breaches = find([...files, readSource(path, text)])
      return !breaches.some((breach) => breach.startsWith(`${path}: `))
    })
    expect(blind.map(({ title }) => title)).toEqual([])
  })

  test('the median file of src has at most 68 lines', () => {
    const lines = files.filter(({ path }) => path.startsWith('src/')).map((file) => file.lines)
    const median = lines.sort((a, b) => a - b)[lines.length >> 1]!
    const circles = findCircles(files).length
    const folders = findFolderCircles(files).length
    console.log(
      `src: ${lines.length} files, median ${median} lines, longest ${lines.at(-1)}; circles of files ${circles}, imports in circles of folders ${folders}, against the ladder ${findUpwardImports(files).length}`,
    )
    expect(median).toBeLessThanOrEqual(68)
  })

  test('the top folder has only the expected files and folders', () => {
    const ignored = readFileSync(join(ROOT, '.gitignore'), 'utf8').split('\n')
    const found = readdirSync(ROOT).filter((name) => !ignored.some((line) => matches(line, name)))
    expect(found.filter((name) => !TOP_LEVEL.includes(name))).toEqual([])
  })

  test('every package that src imports is a dependency in package.json', () => {
    const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    const used = files
      .filter(({ path }) => path.startsWith('src/'))
      .flatMap(({ path, imports }) =>
        imports
          .filter(({ own, target }) => !own && !target.includes(':'))
          .map(({ target }) => ({ path, name: packageOf(target) })),
      )
    expect(used.filter(({ name }) => !(name in dependencies)).map(({ path, name }) => `${path}: ${name}`)).toEqual([])
  })

  test('.env.example lists exactly the settings that src/config.ts reads', () => {
    const lines = readFileSync(join(ROOT, '.env.example'), 'utf8').split('\n')
    const keys = lines.flatMap((line) => /^#?\s?([A-Z][A-Z0-9_]*)=/.exec(line)?.[1] ?? [])
    expect(keys.sort()).toEqual([...CONFIG_KEYS].sort())
  })
})

const TOP_LEVEL = [
  'src',
  'test',
  'db',
  'scripts',
  'deploy',
  'bunfig.toml',
  'package.json',
  'tsconfig.json',
  'Dockerfile',
  '.dockerignore',
  '.env.example',
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'LICENSE',
  'compose.yaml',
  'biome.json',
  'bun.lock',
  '.bun-version',
  '.editorconfig',
  '.vscode',
  '.ci',
  '.git',
  '.gitignore',
]

const matches = (line: string, name: string) =>
  line.startsWith('*') ? name.endsWith(line.slice(1)) && line !== '' : line.replace(/\/$/, '') === name

const packageOf = (specifier: string) =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
