import { accessSync, constants, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'

const MEMORY = '/dev/shm'
const ROOM = 2 * 1024 ** 3

/**
 * Where test databases lie: in memory, where there is room. One is 500 files, and making those there takes a tenth of what
 * a disk's file system asks.
 */
export const databaseRoot = (): string => (hasRoom(MEMORY) ? MEMORY : tmpdir())

function hasRoom(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    const { bavail, bsize } = statfsSync(directory)
    return bavail * bsize >= ROOM
  } catch {
    return false
  }
}
