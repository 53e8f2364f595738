import { chmodSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { putCluster } from '../support/cluster'
import { runFolder } from '../support/run-folder'
import { until } from '../support/until'
import { processesWith } from './processes'

const folders: string[] = []

/** A new folder that other users can enter, since root runs PostgreSQL as another user. */
export function newFolder(parent = runFolder()): string {
  const folder = realpathSync(mkdtempSync(join(parent, 'embedded-test-')))
  chmodSync(folder, 0o755)
  folders.push(folder)
  return folder
}

/** A new folder with a PostgreSQL cluster at `place`, for tests that are not about the first start. */
export async function newFolderWithCluster(place = 'postgres'): Promise<string> {
  const folder = newFolder()
  await putCluster(join(folder, place))
  return folder
}

/** Waits until nothing runs in any of the new folders. */
export async function untilQuiet(): Promise<void> {
  await until(() => folders.every((folder) => processesWith(folder).length === 0))
}

/** For `afterAll`. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
}
