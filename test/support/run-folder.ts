import { chmodSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { databaseRoot } from './memory'

let made: string | undefined

/** Where the databases and programs of this process lie: made when first asked for, gone soon after the process is. */
export function runFolder(): string {
  if (made) return made
  made = mkdtempSync(join(databaseRoot(), 'clinic-test-'))
  // PostgreSQL does not run as root, and its user has to pass through.
  chmodSync(made, 0o711)
  removeAfterUs(made)
  return made
}

// Collecting it would close its pipe.
let janitor: Bun.Subprocess<'pipe', 'ignore', 'ignore'> | undefined

/** However this process ends: kill -9 and the end of a worker leave no time to tidy up. */
function removeAfterUs(directory: string): void {
  const script = 'while read -r _; do :; done; n=50; until rm -rf "$1" || [ $((n -= 1)) = 0 ]; do sleep 0.2; done'
  janitor = Bun.spawn(['/bin/sh', '-c', script, 'sh', directory], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  janitor.unref()
}
