import { statfsSync } from 'node:fs'
import { EmbeddedDatabaseError } from './error'

/** MongoDB builds no index with less free space. */
const NEEDED_MIB = 500

/** @throws EmbeddedDatabaseError when the embedded MongoDB would fail later for lack of space. */
export function assertDiskSpace(directory: string, freeMib = freeMibOf(directory)): void {
  if (freeMib >= NEEDED_MIB) return
  throw new EmbeddedDatabaseError(
    `Only ${Math.floor(freeMib)} MiB are free for ${directory}, and MongoDB needs ${NEEDED_MIB}: free some space, or set MONGODB_URI.`,
  )
}

function freeMibOf(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return (bavail * bsize) / 1024 / 1024
}
