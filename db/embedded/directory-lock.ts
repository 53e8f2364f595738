import { Database } from 'bun:sqlite'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedDatabaseError } from './error'

const held = new Set<Database>()

export type DirectoryLock = {
  /** Whether the owner before this one ended without a release, so that what it started may still be ending. */
  recovered: boolean
  release(): void
}

/**
 * Takes a directory for this process alone, until `release` or until the process is gone.
 * @throws EmbeddedDatabaseError that names the owner, when there is one.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const file = join(directory, 'lock')
  const ownerFile = join(directory, 'lock.pid')
  let lock: Database | undefined
  try {
    // SQLite gives an operating system lock that cannot go stale; nothing is ever stored in the file.
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
  const taken = lock
  held.add(taken)
  const recovered = existsSync(ownerFile)
  writeFileSync(ownerFile, `${process.pid}\n`)
  return {
    recovered,
    release() {
      if (!held.delete(taken)) return
      rmSync(ownerFile, { force: true })
      taken.close()
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
