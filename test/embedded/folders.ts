import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { postgresUser, privateDirectory } from '../../db/embedded/directories'
import { postgresBinaries } from '../../db/embedded/postgres-binaries'
import { initialiseCluster } from '../../db/embedded/postgres-cluster'
import { runFolder } from '../support/run-folder'
import { until } from '../support/until'
import { processesWith } from './processes'

const folders: string[] = []

/** A new folder that other users can pass through: root hands PostgreSQL to one of them. */
export function newFolder(parent = runFolder()): string {
  const folder = realpathSync(mkdtempSync(join(parent, 'embedded-test-')))
  chmodSync(folder, 0o755)
  folders.push(folder)
  return folder
}

let cluster: Promise<string> | undefined

/**
 * A new folder with the PostgreSQL cluster that a first start makes below `place`: to make one takes a core 0.7 s, to copy
 * it a tenth of that. For tests of what comes after a first start.
 */
export async function newFolderWithCluster(place = 'postgres'): Promise<string> {
  cluster ??= makeCluster(privateDirectory(join(runFolder(), 'cluster'), postgresUser))
  const folder = newFolder()
  mkdirSync(join(folder, place), { recursive: true })
  // Owners and modes too, which no copy of Bun's own keeps.
  const copy = Bun.spawn(['cp', '-a', await cluster, join(folder, place, 'data')])
  if ((await copy.exited) !== 0) throw new Error(`no cluster could be copied to ${folder}`)
  return folder
}

async function makeCluster(directory: string): Promise<string> {
  const data = join(directory, 'data')
  await initialiseCluster(postgresBinaries(), data, { durable: false })
  return data
}

/** Waits until nothing runs in any of the new folders. */
export async function untilQuiet(): Promise<void> {
  await until(() => folders.every((folder) => processesWith(folder).length === 0))
}

/** For `afterAll`. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
}
