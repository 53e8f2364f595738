import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { postgresUser, privateDirectory } from '../../db/embedded/directories'
import { postgresBinaries } from '../../db/embedded/postgres-binaries'
import { initialiseCluster } from '../../db/embedded/postgres-cluster'
import { runFolder } from './run-folder'

let cluster: Promise<string> | undefined

/**
 * Puts the PostgreSQL cluster that a first start makes into `directory`, for the first start there to find: to make one
 * takes a core 0.7 s, to copy it a tenth of that.
 */
export async function putCluster(directory: string): Promise<void> {
  cluster ??= makeCluster(privateDirectory(join(runFolder(), 'cluster'), postgresUser))
  const made = await cluster
  mkdirSync(directory, { recursive: true })
  // Owners and modes too, which no copy of Bun's own keeps.
  const copy = Bun.spawn(['cp', '-a', made, join(directory, 'data')])
  if ((await copy.exited) !== 0) throw new Error(`no cluster could be copied to ${directory}`)
}

async function makeCluster(directory: string): Promise<string> {
  const data = join(directory, 'data')
  await initialiseCluster(postgresBinaries(), data, { durable: false })
  return data
}
