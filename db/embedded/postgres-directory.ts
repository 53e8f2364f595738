import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { cacheDirectory, isReachableByOthers, postgresUser, privateDirectory } from './directories'
import { EmbeddedDatabaseError } from './error'

/**
 * The folder for the cluster, its socket and its log: `directory` itself. When only root can enter it, another folder, whose
 * path is kept in `directory`, since PostgreSQL does not run as root.
 */
export function postgresDirectory(directory: string): string {
  if (postgresUser === undefined) return privateDirectory(directory)
  openTemporaryParent(dirname(directory))
  const place = isReachableByOthers(dirname(directory)) ? directory : placeElsewhere(directory)
  const data = join(place, 'data')
  if (existsSync(data) && statSync(data).uid !== postgresUser.uid) {
    throw new EmbeddedDatabaseError(`${data} belongs to another user: start as that user, or delete it.`)
  }
  return privateDirectory(place, postgresUser)
}

/** Folders made by `mkdtemp` are closed to other users; opening such a parent lets the data stay in `directory`. */
function openTemporaryParent(parent: string): void {
  if (dirname(parent) !== tmpdir() || !existsSync(parent)) return
  const { uid, mode } = statSync(parent)
  if (uid === 0 && (mode & 0o001) === 0) chmodSync(parent, mode | 0o011)
}

function placeElsewhere(directory: string): string {
  const note = join(privateDirectory(directory), 'location')
  const known = existsSync(note) ? readFileSync(note, 'utf8').trim() : ''
  if (known !== '') return known
  mkdirSync(cacheDirectory(), { recursive: true, mode: 0o755 })
  const place = mkdtempSync(join(cacheDirectory(), 'postgres-data-'))
  writeFileSync(note, `${place}\n`)
  return place
}
