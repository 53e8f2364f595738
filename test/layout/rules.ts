import type { Import, Source } from './sources'

/** `find` returns each breach as `path: reason`; `broken` is a file that the rule must catch. */
export type Rule = { title: string; find: (files: Source[]) => string[]; broken: [path: string, text: string] }

const MAX_LINES = 320
/** Folders of src that are not a feature. */
const SHARED = ['src/http', 'src/database']
/** Run by hand on Bun, no part of the API. */
const COMMANDS = [
  'src/index.ts',
  'src/commands/admin-create.ts',
  'src/commands/verify-command.ts',
  'src/commands/reconcile-command.ts',
]
/** The engine's own entry: callers of the rules need not know its inner files. */
const RE_EXPORTS = ['src/scheduling/slots.ts']
const CLOCK = ['src/open-deps.ts', ...COMMANDS]

const inside = (path: string, folders: string[]) => folders.some((folder) => path.startsWith(`${folder}/`))
const inSrc = ({ path }: Source) => path.startsWith('src/')
const nameOf = (target: string) => target.split('/').at(-1)!.replace(/\.ts$/, '')

/** `src/doctors/visit-types/queries` → `src/doctors`; undefined for shared and top-level files. */
function featureOf(path: string): string | undefined {
  const [top, folder, file] = path.split('/')
  const feature = `${top}/${folder}`
  return top === 'src' && file !== undefined && !SHARED.includes(feature) ? feature : undefined
}

const eachImport = (files: Source[], breach: (from: Source, to: Import) => string | false | undefined): string[] =>
  files.flatMap((from) =>
    from.imports.flatMap((to) => {
      const reason = breach(from, to)
      return reason ? [`${from.path}: ${reason} (${to.target})`] : []
    }),
  )

const eachMatch = (files: Source[], part: 'bare' | 'code', pattern: RegExp): string[] =>
  files.flatMap((file) => [...file[part].matchAll(pattern)].map(([found]) => `${file.path}: ${found.trim()}`))

/** The kinds of files that each kind must not import; schemas may import the types of the rows they present. */
const UPWARD: Record<string, string[]> = {
  service: ['routes'],
  queries: ['routes', 'service'],
  schemas: ['routes', 'service', 'queries'],
  tables: ['routes', 'service', 'queries', 'schemas'],
}

const NODE_MODULES =
  /^(bun|assert|async_hooks|buffer|child_process|cluster|crypto|dns|events|fs|http2?|https|net|os|path|perf_hooks|process|stream|timers|tls|url|util|v8|vm|worker_threads|zlib)(\/|$)/

export const RULES: Rule[] = [
  {
    title: 'imports go from routes to services to queries, never back',
    find: (files) =>
      eachImport(
        files.filter((file) => featureOf(file.path)),
        (from, to) =>
          to.own &&
          UPWARD[nameOf(from.path)]?.includes(nameOf(to.target)) &&
          !(to.typeOnly && nameOf(from.path) === 'schemas') &&
          'imports what stands above it',
      ),
    broken: ['src/a/queries.ts', "import { x } from './service'"],
  },
  {
    title: 'queries import no HTTP code: they return rows, and services throw errors',
    find: (files) =>
      eachImport(
        files.filter((file) => nameOf(file.path) === 'queries'),
        (_from, to) => to.target.startsWith('src/http/') && 'queries import HTTP',
      ),
    broken: ['src/a/queries.ts', "import { Problem } from '../http/schemas'"],
  },
  {
    title: "a feature never imports another feature's queries or routes",
    find: (files) =>
      eachImport(files, (from, to) => {
        const [mine, theirs] = [featureOf(from.path), featureOf(to.target)]
        const closed = ['queries', 'routes'].includes(nameOf(to.target))
        return mine && theirs && mine !== theirs && closed && 'imports the inside of another feature'
      }),
    broken: ['src/a/service.ts', "import { x } from '../b/queries'"],
  },
  {
    title: 'src/http and src/database import features as types only',
    find: (files) =>
      eachImport(
        files.filter((file) => inside(file.path, SHARED)),
        (_from, to) => featureOf(to.target) && !to.typeOnly && 'imports a feature by value',
      ),
    broken: ['src/http/x.ts', "import { type A, b } from '../appointments/service'"],
  },
  {
    title: 'src/database imports src/http as types only',
    find: (files) =>
      eachImport(
        files.filter((file) => file.path.startsWith('src/database/')),
        (_from, to) => to.target.startsWith('src/http/') && !to.typeOnly && 'imports HTTP',
      ),
    broken: ['src/database/x.ts', "import { b } from '../http/answer'"],
  },
  {
    title: 'a migration imports neither src nor another migration',
    find: (files) =>
      eachImport(
        files.filter((file) => file.path.startsWith('db/migrations/')),
        (_from, to) => to.own && 'imports what may change after it has landed',
      ),
    broken: ['db/migrations/20260101T0900-x.ts', "import type { A } from '../../src/auth/tables'"],
  },
  {
    title: 'nothing imports tests, and only entry points of src import db',
    find: (files) =>
      eachImport(
        files.filter((file) => !file.path.startsWith('test/')),
        (from, to) =>
          (to.own && to.target.startsWith('test/') && 'imports a test') ||
          (to.own && inSrc(from) && to.target.startsWith('db/') && !COMMANDS.includes(from.path) && 'imports db/'),
      ),
    broken: ['src/a/service.ts', "import { x } from '../../db/migrate'"],
  },
  {
    title: 'only entry points, src/database, db and scripts use Bun or Node, so that the rest runs on any runtime',
    find: (files) => {
      const portable = files.filter(
        (file) => inSrc(file) && !file.path.startsWith('src/database/') && !COMMANDS.includes(file.path),
      )
      return [
        ...eachImport(
          portable,
          (_from, to) =>
            !to.own && (/^(node|bun):/.test(to.target) || NODE_MODULES.test(to.target)) && 'imports a runtime module',
        ),
        ...eachMatch(portable, 'bare', /\b(?:Bun|Buffer|process|Deno|__dirname|__filename)\b(?=\s*[.([])|\brequire\(/g),
      ]
    },
    broken: ['src/a/service.ts', "import { createHash } from 'node:crypto'\nexport const x = Buffer.from('a')"],
  },
  {
    title: 'only entry points read the environment',
    find: (files) =>
      eachMatch(
        files.filter((file) => (inSrc(file) || file.path.startsWith('db/')) && !COMMANDS.includes(file.path)),
        'bare',
        /\b(?:process|Bun|import\.meta)\.env\b/g,
      ).filter((breach) => !/^db\/(?:embedded\/[\w-]+|migrate-command|seed)\.ts:/.test(breach)),
    broken: ['src/config.ts', 'export const port = process.env.PORT'],
  },
  {
    title: 'only entry points and open-deps.ts read the system clock, and all else gets an injected one',
    find: (files) =>
      eachMatch(
        files.filter((file) => inSrc(file) && !CLOCK.includes(file.path)),
        'bare',
        /\bnew Date\(\s*\)|\bDate\.now\(|\bTemporal\.Now\b/g,
      ),
    broken: ['src/a/service.ts', 'export const now = () => new Date()'],
  },
  {
    title: 'only inTransaction() opens transactions',
    find: (files) =>
      eachMatch(
        files.filter((file) => inSrc(file) && !file.path.startsWith('src/database/')),
        'bare',
        /\.(?:startTransaction|transaction)\(|\.connection\(\s*\)/g,
      ),
    broken: ['src/a/service.ts', 'export const x = (db) => db.transaction().execute(run)'],
  },
  {
    title: 'statements name their columns, since a cached `select *` breaks when a column is added',
    find: (files) =>
      eachMatch(files.filter(inSrc), 'code', /\.(?:selectAll|returningAll)\(|\b(?:select|returning) \*/gi),
    broken: ['src/a/queries.ts', "export const x = (db) => db.selectFrom('a').selectAll()"],
  },
  {
    title: 'a file exports only its own definitions, so there are no barrels',
    find: (files) =>
      eachImport(files, (from, to) => to.reExport && !RE_EXPORTS.includes(from.path) && 're-exports').concat(
        files
          .filter(({ imports, bare }) => imports.length > 0 && /^\s*export\s*\{/m.test(bare))
          .flatMap(({ path, code }) => (onlyReExports(code) ? [`${path}: defines nothing`] : [])),
      ),
    broken: ['src/a/index.ts', "export { x } from './service'"],
  },
  {
    title: 'all exports are named exports',
    find: (files) => eachMatch(files, 'bare', /\bexport default\b|\bas default\b/g),
    broken: ['src/a/service.ts', 'export default function x() {}'],
  },
  {
    title: `a file has at most ${MAX_LINES} lines: split it by verb`,
    find: (files) => files.filter(({ lines }) => lines > MAX_LINES).map(({ path, lines }) => `${path}: ${lines} lines`),
    broken: ['src/a/service.ts', 'x\n'.repeat(MAX_LINES + 1)],
  },
  {
    title: 'files and folders are named in kebab-case, migrations by their minute',
    find: (files) => files.filter(({ path }) => !isWellNamed(path)).map(({ path }) => `${path}: not kebab-case`),
    broken: ['src/a/bookAppointment.ts', ''],
  },
  {
    title: 'db/migrate.ts lists every migration',
    find: (files) => {
      const listed = files.find(({ path }) => path === 'db/migrate.ts')?.imports.map(({ target }) => target) ?? []
      const missing = files.filter(({ path }) => isMigration(path) && !listed.includes(path.replace(/\.ts$/, '')))
      return missing.map(({ path }) => `${path}: not in db/migrate.ts`)
    },
    broken: ['db/migrations/20990101T0900-forgotten.ts', 'export async function up() {}'],
  },
  {
    title: 'tests mock no module and skip no other test',
    find: (files) =>
      eachMatch(
        files.filter(({ path }) => path.startsWith('test/')),
        'bare',
        /\bmock\.module\(|\b(?:test|describe|it)\.(?:only|todo)\b/g,
      ),
    // This is only a text: it skips no test.
    broken: ['test/a/a.test.ts', "test.only('x', () => {})"],
  },
]

const isMigration = (path: string) => path.startsWith('db/migrations/')

const onlyReExports = (code: string) =>
  code
    .replace(/^\s*import[\s\S]*?from\s+'[^']+'/gm, '')
    .replace(/^\s*export\s*(?:type\s*)?\{[^}]*\}/gm, '')
    .replace(/[\s;]/g, '') === ''

const isWellNamed = (path: string) =>
  isMigration(path)
    ? /^db\/migrations\/\d{8}T\d{4}-[a-z0-9]+(?:-[a-z0-9]+)*\.ts$/.test(path)
    : path.split(/[/.]/).every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part))
