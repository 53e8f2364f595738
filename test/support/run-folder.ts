import { chmodSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { databaseRoot } from './memory'

let made: string | undefined

/** The folder of the databases and programs of this process: created on first use, deleted soon after its end. */
export function runFolder(): string {
  if (made) return made
  made = mkdtempSync(join(databaseRoot(), 'clinic-test-'))
  // PostgreSQL does not run as root, and its user must be able to enter the folder.
  chmodSync(made, 0o711)
  removeAfterUs(made)
  return made
}

// Kept in a variable, because garbage collection would close its pipe.
let janitor: Bun.Subprocess<'pipe', 'ignore', 'ignore'> | undefined

/** Works however this process ends: kill -9 and the end of a worker leave no time to clean up. */
function removeAfterUs(directory: string): void {
  const script = 'while read -r _; do :; done; n=50; until rm -rf "$1" || [ $((n -= 1)) = 0 ]; do sleep 0.2; done'
  janitor = Bun.spawn(['/bin/sh', '-c', script, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  janitor.unref()
}
