import { findCircles, findFolderCircles, findUpwardImports } from './ladder'
import { findBannedWords, findDoubleNames } from './language'
import type { Import, Source } from './sources'

/** `find` returns each breach as `path: reason`; `broken` is a file that the rule must catch. */
export type Rule = { title: string; find: (files: Source[]) => string[]; broken: [path: string, text: string] }

const MAX_LINES = 320
const MAX_LINES_OF_SRC = 280
/** Folders of src that are not a feature. */
const SHARED = ['src/http', 'src/database']
/** Programs on Bun, not a part of the API. */
const isProgram = (path: string) =>
  path === 'src/index.ts' || path.startsWith('src/commands/') || path.startsWith('src/start/')
/** The engine's own entry: callers of the rules need not know its inner files. */
const RE_EXPORTS = ['src/scheduling/slots.ts']

const inSrc = ({ path }: Source) => path.startsWith('src/')
/** `src/privacy/erase-queries.ts` → `queries`. */
const kindOf = (path: string) => /([a-z]+)(?:\.ts)?$/.exec(path)?.[1] ?? ''

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

/** The kinds of files that hold statements; `rows` are those that features above may use. */
const STATEMENTS = ['queries', 'rows']
const isTableType = (to: Import) => to.typeOnly && kindOf(to.target) === 'tables'

export const RULES: Rule[] = [
  {
    title: 'a folder imports only from lower rungs of the ladder, types included',
    find: findUpwardImports,
    broken: ['src/ledger/x.ts', "import type { Appointment } from '../appointments/schemas'"],
  },
  {
    title: 'no files import each other in a circle, types included',
    find: (files) =>
      findCircles(files).flatMap((circle) => circle.map((id) => `${id}.ts: is in a circle: ${circle.join(', ')}`)),
    broken: ['src/ledger/status.ts', "import type { AnyTransaction } from './release'"],
  },
  {
    title: 'no folders import each other in a circle, types included',
    find: findFolderCircles,
    broken: ['src/database/ids.ts', "import { answer } from '../http/answer'"],
  },
  {
    title: 'two files never export different things under one name',
    find: findDoubleNames,
    broken: ['src/a/x.ts', 'export const bookAppointment = 1'],
  },
  {
    title: 'comments and messages avoid wordings that hide the noun',
    find: findBannedWords,
    broken: ['src/a/x.ts', '/** Whoever has the row. */'],
  },
  {
    title: 'imports go from routes to services to queries, never back',
    find: (files) =>
      eachImport(
        files.filter((file) => featureOf(file.path)),
        (from, to) =>
          to.own &&
          UPWARD[kindOf(from.path)]?.includes(kindOf(to.target)) &&
          !(to.typeOnly && kindOf(from.path) === 'schemas') &&
          'imports a kind of file that is above it',
      ),
    broken: ['src/a/queries.ts', "import { x } from './service'"],
  },
  {
    title: 'queries import no HTTP code: they return rows, and services throw errors',
    find: (files) =>
      eachImport(
        files.filter((file) => file.path.startsWith('src/') && STATEMENTS.includes(kindOf(file.path))),
        (_from, to) => to.target.startsWith('src/http/') && !isTableType(to) && 'queries import HTTP',
      ),
    broken: ['src/a/erase-queries.ts', "import { Problem } from '../http/schemas'"],
  },
  {
    title: "a feature never imports another feature's queries or routes",
    find: (files) =>
      eachImport(files, (from, to) => {
        const [mine, theirs] = [featureOf(from.path), featureOf(to.target)]
        const closed = ['queries', 'routes'].includes(kindOf(to.target))
        return mine && theirs && mine !== theirs && closed && 'imports the inside of another feature'
      }),
    broken: ['src/a/service.ts', "import { x } from '../b/export-queries'"],
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
          (to.own && inSrc(from) && to.target.startsWith('db/') && !isProgram(from.path) && 'imports db/'),
      ),
    broken: ['src/a/service.ts', "import { x } from '../../db/migrate'"],
  },
  {
    title: 'only entry points, src/database, db and scripts use Bun or Node, so that the rest runs on any runtime',
    find: (files) => {
      const portable = files.filter(
        (file) => inSrc(file) && !file.path.startsWith('src/database/') && !isProgram(file.path),
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
        files.filter((file) => (inSrc(file) || file.path.startsWith('db/')) && !isProgram(file.path)),
        'bare',
        /\b(?:process|Bun|import\.meta)\.env\b/g,
      ).filter((breach) => !/^db\/(?:embedded\/[\w-]+|migrate-command|seed)\.ts:/.test(breach)),
    broken: ['src/config.ts', 'export const port = process.env.PORT'],
  },
  {
    title: 'only entry points and open-deps.ts read the system clock, and all else gets an injected one',
    find: (files) =>
      eachMatch(
        files.filter((file) => inSrc(file) && file.path !== 'src/open-deps.ts' && !isProgram(file.path)),
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
    title:
      'no statement asks PostgreSQL for a time zone or a local day: its zones may be others than the runtime knows',
    find: (files) =>
      eachMatch(
        files.filter(({ path }) => /^(src|db)\//.test(path)),
        'code',
        /\bat time zone\b|\btimezone\(|\bpg_timezone_\w+|\bdate_trunc\(|\bto_char\(|::(?:date|time|timestamp)\b(?!tz)|\bcurrent_(?:date|time)\b|\blocaltime(?:stamp)?\b|\binterval '[^']*(?:day|week|month|year)/gi,
      ),
    broken: ['src/a/queries.ts', 'export const x = sql`(starts_at at time zone clinics.time_zone)::date`'],
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
    title: `a file has at most ${MAX_LINES} lines, in src ${MAX_LINES_OF_SRC}: split it by verb`,
    find: (files) =>
      files
        .filter(({ path, lines }) => lines > (path.startsWith('src/') ? MAX_LINES_OF_SRC : MAX_LINES))
        .map(({ path, lines }) => `${path}: ${lines} lines`),
    broken: ['src/a/service.ts', 'x\n'.repeat(MAX_LINES_OF_SRC + 1)],
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
