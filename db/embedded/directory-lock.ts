import { Database } from 'bun:sqlite'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { EmbeddedDatabaseError } from './error'

const held = new Set<Database>()

/**
 * Takes a directory for this process alone, until `release` or until the process is gone.
 * @throws EmbeddedDatabaseError that names the owner, when there is one.
 */
export function lockDirectory(directory: string): { release(): void } {
  const file = join(directory, 'lock')
  const ownerFile = join(directory, 'lock.pid')
  // SQLite gives an operating system lock that cannot go stale; nothing is ever stored in the file.
  const lock = new Database(file, { create: true, readwrite: true })
  try {
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error
    throw new EmbeddedDatabaseError(`${directory} is already in use${ownerOf(ownerFile)}: stop that one first.`)
  }
  held.add(lock)
  writeFileSync(ownerFile, `${process.pid}\n`)
  return {
    release() {
      if (!held.delete(lock)) return
      rmSync(ownerFile, { force: true })
      lock.close()
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
