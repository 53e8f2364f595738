import { createHash } from 'node:crypto'
import { accessSync, chownSync, constants, existsSync, lstatSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { EmbeddedDatabaseError } from './error'

export type User = { uid: number; gid: number }

/** PostgreSQL refuses to run as root: root runs it as `nobody`, other users as themselves. */
export const postgresUser: User | undefined = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined

/** Creates a folder that only `owner` can list, and returns its real path. */
export function privateDirectory(directory: string, owner?: User): string {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    if (owner) chownSync(directory, owner.uid, owner.gid)
    accessSync(directory, constants.W_OK | constants.X_OK)
    return realpathSync(directory)
  } catch (error) {
    throw new EmbeddedDatabaseError(
      `Cannot write to ${directory} (${(error as { code?: string }).code ?? error}): make it writable for this user.`,
    )
  }
}

/** Whether other users may pass through every existing folder above `path`. */
export function isReachableByOthers(path: string): boolean {
  if (path === dirname(path)) return true
  return (!existsSync(path) || (statSync(path).mode & 0o001) !== 0) && isReachableByOthers(dirname(path))
}

export function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** The folder for copies of binaries that are made once per machine. */
export function cacheDirectory(): string {
  return process.getuid?.() === 0 ? '/var/lib/embedded-databases' : join(homedir(), '.cache/embedded-databases')
}

// sun_path holds 104 bytes on macOS and 108 on Linux.
const longestSocketPath = 100

/** The folder for a socket of this name: `directory`, or a short private folder when the path is too long. */
export function socketDirectory(directory: string, name: string, owner?: User): string {
  const uid = owner?.uid ?? process.getuid?.() ?? 0
  const short = `clinic-${uid}-${createHash('sha256').update(directory).digest('hex').slice(0, 16)}`
  const fits = (folder: string) => Buffer.byteLength(join(folder, name)) <= longestSocketPath
  if (fits(directory)) return directory
  const parent = [tmpdir(), '/tmp'].find(
    (folder) => fits(join(folder, short)) && (!owner || isReachableByOthers(folder)),
  )
  const folder = privateDirectory(join(parent ?? '/tmp', short), owner)
  const entry = lstatSync(folder)
  if (!entry.isDirectory() || entry.uid !== uid || (entry.mode & 0o077) !== 0) {
    throw new EmbeddedDatabaseError(`${folder} belongs to somebody else: remove it.`)
  }
  return folder
}
