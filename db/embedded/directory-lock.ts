import { Database } from 'bun:sqlite'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedDatabaseError } from './error'

const held = new Set<Database>()

export type DirectoryLock = {
  /** Whether the previous owner ended without a release, so that its child processes may still be ending. */
  recovered: boolean
  release(): void
}

/**
 * Locks a directory for this process, until `release` or the end of the process.
 * @throws EmbeddedDatabaseError that names the process holding the lock.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const file = join(directory, 'lock')
  const ownerFile = join(directory, 'lock.pid')
  let lock: Database | undefined
  try {
    // SQLite takes an operating system lock, which cannot go stale; the file stores nothing.
    lock = new Database(file, { create: true, readwrite: true })
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock?.close()
    const { code } = error as { code?: string }
    throw new EmbeddedDatabaseError(
      code === 'SQLITE_BUSY'
        ? `${directory} is already in use${ownerOf(ownerFile)}: stop that one first.`
        : `Cannot write to ${file} (${code}): make it writable for this user.`,
    )
  }
  const owned = lock
  held.add(owned)
  const recovered = existsSync(ownerFile)
  writeFileSync(ownerFile, `${process.pid}\n`)
  return {
    recovered,
    release() {
      if (!held.delete(owned)) return
      rmSync(ownerFile, { force: true })
      owned.close()
    },
  }
}

function ownerOf(ownerFile: string): string {
  try {
    const pid = readFileSync(ownerFile, 'utf8').trim()
    return pid === `${process.pid}` ? ' by this process' : ` by process ${pid}`
  } catch {
    return ''
  }
}
